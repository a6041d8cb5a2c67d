// Package cli is the command line of klamm. It parses, calls and prints; what
// the commands do is in app and the tools.
package cli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/klammhq/klamm/internal/fault"
)

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // it was tried and did not work
	exitUsage   = 2 // flags, arguments or configuration are wrong; nothing was started
)

// exitCode ends the program with a code of its own, as CMD in `klamm lab -- CMD` does.
type exitCode int

func (exitCode) Error() string { return "" }

// Run parses args, runs the command and returns the exit code. A signal ends
// ctx, and with it the command.
func Run(ctx context.Context, args []string, s Streams, version string) int {
	p := newPrinter(s)
	root := newRoot(p, version)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var code exitCode
	if errors.As(err, &code) {
		return int(code)
	}
	p.errors(err)
	if fault.KindOf(err) == fault.Invalid || fault.KindOf(err) == fault.Unsupported {
		return exitUsage
	}
	return exitFailure
}

func newRoot(p *printer, version string) *cobra.Command {
	root := &cobra.Command{
		Use:   "klamm",
		Short: "An identity gateway for Kafka: OAuth tokens instead of static secrets",
		Long: `klamm stands in front of a Kafka cluster. Programs log in with the OAuth token of
their own platform (SASL/OAUTHBEARER), identity pools say who they are, role
bindings what they may do, and every refusal can be explained.

Begin with the lab, which needs nothing but this program:

  klamm lab              everything on this machine, proves itself, stays up
  klamm lab -- CMD       run CMD with the lab's settings in its environment

Then put it in front of your cluster:

  klamm check -c klamm.yaml    what the configuration means, what is wrong with it
  klamm serve -c klamm.yaml    the gateway`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("klamm {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fault.New(fault.Invalid, "%s", err.Error()).Mend("%s --help lists the flags", cmd.CommandPath())
	})
	root.AddCommand(newLab(p), newServe(p), newCheck(p), newExplain(p))
	for _, c := range root.Commands() {
		c.Args = explained(c.Args)
	}
	root.Args = explained(root.Args)
	return root
}

// explained turns cobra's complaint about arguments into a usage error.
func explained(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(cmd, args); err != nil {
			return fault.New(fault.Invalid, "%s", err.Error()).Mend("%s --help says what it takes", cmd.CommandPath())
		}
		return nil
	}
}
