package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/klammhq/klamm/internal/app"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/lab"
)

// newLabFaults are `klamm lab EMULATOR fault`.
func newLabFaults() []*cobra.Command {
	ports := lab.DefaultPorts()
	var out []*cobra.Command
	for _, e := range []struct {
		name, what string
		port       int
	}{
		{"imds", "the instance metadata service", ports.IMDS},
		{"entra", "Entra ID", ports.Entra},
		{"oidc", "the other OAuth servers", ports.Okta},
	} {
		cmd := &cobra.Command{
			Use: e.name, Short: "What a running lab's emulator of " + e.what + " does",
			Args: explained(cobra.NoArgs),
			RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		}
		at := fmt.Sprintf("http://127.0.0.1:%d", e.port)
		cmd.AddCommand(newLabFault(e.name, at))
		if e.name == "entra" {
			cmd.AddCommand(newEntraApp(at))
		}
		out = append(out, cmd)
	}
	return out
}

func newLabFault(emulator, at string) *cobra.Command {
	var f app.Fault
	var headers []string
	var latency, lasts time.Duration
	var clear bool
	cmd := &cobra.Command{
		Use:   "fault",
		Short: "Let it fail, as the real one sometimes does",
		Long: `Tells the emulator of a running lab to answer with a status, a page of HTML, late, or
in part. The fault ends after --times requests, after --for, or with --clear.`,
		Example: fmt.Sprintf(`  klamm lab %[1]s fault --status 429 --header 'Retry-After: 1' --times 2
  klamm lab %[1]s fault --latency 2s --for 1m
  klamm lab %[1]s fault --clear`, emulator),
		Args: explained(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if clear {
				if !reflect.DeepEqual(f, app.Fault{}) || len(headers) > 0 || latency != 0 || lasts != 0 {
					return fault.New(fault.Invalid, "--clear ends the fault and sets none: it goes with --at alone")
				}
				return sendFault(cmd.Context(), http.MethodDelete, at, nil)
			}
			f.Latency, f.For = text(latency), text(lasts)
			for _, line := range headers {
				name, value, ok := strings.Cut(line, ":")
				if !ok {
					return fault.New(fault.Invalid, "%q is no header, expected \"Name: value\"", line).At("--header")
				}
				if f.Header == nil {
					f.Header = map[string]string{}
				}
				f.Header[strings.TrimSpace(name)] = strings.TrimSpace(value)
			}
			return sendFault(cmd.Context(), http.MethodPost, at, &f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&at, "at", at, "where the emulator listens")
	flags.IntVar(&f.Status, "status", 0, "answer this status")
	flags.StringArrayVar(&headers, "header", nil, "answer this header, as 'Name: value'; may be given again")
	flags.StringVar(&f.Body, "body", "", "answer this body")
	flags.BoolVar(&f.HTML, "html", false, "answer HTML, as a proxy in between")
	flags.DurationVar(&latency, "latency", 0, "answer after this time")
	flags.BoolVar(&f.Truncate, "truncate", false, "end the connection in the middle of the body")
	flags.IntVar(&f.Times, "times", 0, "how many requests it hits; 0 for all")
	flags.DurationVar(&lasts, "for", 0, "how long it lasts; 0 for until --clear")
	flags.BoolVar(&clear, "clear", false, "end the fault")
	return cmd
}

// text is a duration as JSON has it; "" for none.
func text(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// sendFault asks the emulator at a URL; f is nil to end its fault.
func sendFault(ctx context.Context, method, at string, f *app.Fault) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	body, err := json.Marshal(f)
	if err != nil {
		return fault.New(fault.Internal, "the fault cannot be written as JSON").Because(err)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(at, "/")+app.FaultsPath, bytes.NewReader(body))
	if err != nil {
		return fault.New(fault.Invalid, "%q is no address of an emulator", at).At("--at").Mend("give http://HOST:PORT")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fault.New(fault.Unavailable, "no emulator answers at %s", at).
			Mend("start klamm lab, or name the emulator's http address with --at").Because(err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	switch resp.StatusCode {
	case http.StatusNoContent:
		return nil
	case http.StatusBadRequest:
		var refusal struct{ Error string }
		_ = json.Unmarshal(said, &refusal)
		return fault.New(fault.Invalid, "%s", refusal.Error)
	}
	return fault.New(fault.Internal, "%s answered %s: %s", at, resp.Status, strings.TrimSpace(string(said)))
}
