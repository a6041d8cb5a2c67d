package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/klammhq/klamm/internal/app"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/lab"
)

// newLabEmulators are `klamm lab entra`, `klamm lab imds` and `klamm lab oidc`.
func newLabEmulators() []*cobra.Command {
	ports := lab.DefaultPorts()
	var out []*cobra.Command
	for _, e := range []struct {
		name, what, long, variable string
		port                       int
		more                       func(labAddress) []*cobra.Command
	}{
		{"imds", "IMDS", "the instance metadata service", "IMDS_TOKEN_URL", ports.IMDS, newLabIMDS},
		{"entra", "Entra ID", "Entra ID", "JWKS_URL", ports.Entra, newLabEntra},
		{"oidc", "OAuth server", "the other OAuth servers", "OKTA_TOKEN_URL", ports.Okta, newLabOIDC},
	} {
		cmd := &cobra.Command{
			Use: e.name, Short: "What a running lab's emulator of " + e.long + " does",
			Args: explained(cobra.NoArgs),
			RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		}
		at := labAddress{what: e.what, variable: e.variable, usual: fmt.Sprintf("http://127.0.0.1:%d", e.port)}
		cmd.AddCommand(newLabFault(e.name, at))
		cmd.AddCommand(e.more(at)...)
		out = append(out, cmd)
	}
	return out
}

// labCommand is a command for a running lab's emulator. Its flags become the
// members of the JSON that the emulator takes; those that are not given are
// absent.
type labCommand struct {
	name, short, long, example string
	flags                      []labFlag
}

type labFlag struct {
	name, member, help string
	kind               any // zero value of what it holds
	required           bool
}

// newLabCommand is a command that calls a path and shows the answer.
func newLabCommand(c labCommand, to labAddress, method, path string, show func(io.Writer, []byte) error) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: c.name, Short: c.short, Long: c.long, Example: c.example, Args: explained(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			body, err := members(cmd, c.flags)
			if err != nil {
				return err
			}
			raw, err := to.call(cmd.Context(), method, path, body)
			if err != nil {
				return err
			}
			if asJSON {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", bytes.TrimSpace(raw))
				return err
			}
			return show(cmd.OutOrStdout(), raw)
		},
	}
	to.flags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&asJSON, "json", false, "the answer as JSON")
	for _, f := range c.flags {
		switch f.kind.(type) {
		case string:
			flags.String(f.name, "", f.help)
		case []string:
			flags.StringArray(f.name, nil, f.help)
		case int:
			flags.Int(f.name, 0, f.help)
		case bool:
			flags.Bool(f.name, false, f.help)
		}
	}
	return cmd
}

// members are the flags that were given, as the emulator takes them.
func members(cmd *cobra.Command, flags []labFlag) (map[string]any, error) {
	body, set := map[string]any{}, cmd.Flags()
	for _, f := range flags {
		if !set.Changed(f.name) {
			if f.required {
				return nil, fault.New(fault.Invalid, "--%s is missing: %s", f.name, f.help)
			}
			continue
		}
		var err error
		switch f.kind.(type) {
		case string:
			body[f.member], err = set.GetString(f.name)
		case []string:
			body[f.member], err = set.GetStringArray(f.name)
		case int:
			body[f.member], err = set.GetInt(f.name)
		case bool:
			body[f.member], err = set.GetBool(f.name)
		}
		if err != nil {
			return nil, fault.New(fault.Internal, "--%s cannot be read", f.name).Because(err)
		}
	}
	return body, nil
}

// table writes an answer for people.
type table struct{ strings.Builder }

// line writes a line of its own, none when it is empty.
func (t *table) line(text string) {
	if text != "" {
		t.WriteString(text + "\n")
	}
}

// row writes a name and its value, nothing when that is empty.
func (t *table) row(name, value string) {
	if value != "" {
		fmt.Fprintf(t, "  %-22s %s\n", name, value)
	}
}

// showing reads an answer of an emulator and shows what write makes of it.
func showing[T any](write func(*table, T)) func(io.Writer, []byte) error {
	return func(w io.Writer, raw []byte) error {
		var answer T
		if err := json.Unmarshal(raw, &answer); err != nil {
			return fault.New(fault.Internal, "the answer is no JSON of a lab's emulator").Because(err)
		}
		var t table
		write(&t, answer)
		if !strings.HasSuffix(t.String(), "\n") && isTerminal(w) {
			t.WriteString("\n")
		}
		_, err := io.WriteString(w, t.String())
		return err
	}
}

// newLabEntra are the commands of `klamm lab entra` beside fault.
func newLabEntra(at labAddress) []*cobra.Command {
	return []*cobra.Command{newEntraApp(at), newEntraGroup(at)}
}

// newLabIMDS are the commands of `klamm lab imds` beside fault.
func newLabIMDS(at labAddress) []*cobra.Command {
	return newLabCommands(at, app.IMDSPath, imdsCommands, showing(showIMDS))
}

// newLabOIDC are the commands of `klamm lab oidc` beside fault.
func newLabOIDC(at labAddress) []*cobra.Command {
	return append(newLabCommands(at, app.OIDCPath, oidcCommands, showing(showOIDC)),
		newLabCommand(oidcIssued, at, http.MethodGet, app.OIDCPath+"/issued", showing(showIssued)))
}

// newLabCommands are commands below a path; list is a GET of the path itself.
func newLabCommands(to labAddress, path string, commands []labCommand, show func(io.Writer, []byte) error) []*cobra.Command {
	var out []*cobra.Command
	for _, c := range commands {
		if c.name == "list" {
			out = append(out, newLabCommand(c, to, http.MethodGet, path, show))
			continue
		}
		out = append(out, newLabCommand(c, to, http.MethodPost, path+"/"+c.name, show))
	}
	return out
}
