package cli

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/klammhq/klamm/internal/app"
	"github.com/klammhq/klamm/internal/fault"
)

// configFlag is -c of serve and check.
func configFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVarP(path, "config", "c", "klamm.yaml", "the configuration")
}

func newServe(p *printer) *cobra.Command {
	var path, format, level string
	cmd := &cobra.Command{
		Use:   "serve -c klamm.yaml",
		Short: "The gateway, in front of a Kafka cluster",
		Long: `Lets Kafka clients in with SASL/OAUTHBEARER over TLS, decides each of their
requests by role bindings, and carries it to the cluster behind. Identity
documents are followed while they change. SIGTERM ends it: clients get the
answers that are due.

Run klamm check first: it says what the configuration means.`,
		Example: `  klamm serve -c klamm.yaml
  klamm serve -c klamm.yaml --log-format json --log-level debug`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := newLog(p, format, level)
			if err != nil {
				return err
			}
			return app.Serve(cmd.Context(), path, cmd.Root().Version, log, func(bootstrap string) {
				log.Info("clients can connect", "bootstrap", bootstrap)
			})
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringVar(&format, "log-format", "text", "text or json; the log goes to standard error")
	cmd.Flags().StringVar(&level, "log-level", "info", "debug, info, warn or error")
	return cmd
}

func newLog(p *printer, format, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fault.New(fault.Invalid, "--log-level is debug, info, warn or error, not %q", level)
	}
	options := &slog.HandlerOptions{Level: l}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(p.err, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(p.err, options)), nil
	}
	return nil, fault.New(fault.Invalid, "--log-format is text or json, not %q", format)
}

func newCheck(p *printer) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "check -c klamm.yaml",
		Short: "What a configuration means, and what is wrong or risky in it",
		Long: `Reads the configuration and the identity documents, starts nothing, and says in
plain sentences what klamm would do. Every fault is told with file, line and
column, not only the first. The exit code is 2 when there is one.`,
		Example: `  klamm check -c klamm.yaml`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := app.Check(cmd.Context(), path)
			for _, sentence := range report.Does {
				p.line("%s", sentence)
			}
			for _, w := range report.Warnings {
				fmt.Fprintf(p.err, "%s %s: %s\n", p.paint(bold, "warning:"), w.Where, w.Message)
				if w.Hint != "" {
					fmt.Fprintf(p.err, "         %s\n", w.Hint)
				}
			}
			if err == nil {
				p.line("%s %s is good", p.paint(green, "✓"), path)
			}
			return err
		},
	}
	configFlag(cmd, &path)
	return cmd
}
