package cli

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/klammhq/klamm/internal/app"
	"github.com/klammhq/klamm/internal/fault"
)

// faultFlags are the flags of `klamm lab EMULATOR fault`.
type faultFlags struct {
	app.Fault
	headers              []string
	latency, clock, last time.Duration
	clear, show          bool
}

func newLabFault(emulator string, to labAddress) *cobra.Command {
	var f faultFlags
	cmd := &cobra.Command{
		Use:   "fault",
		Short: "Let it fail, as the real one sometimes does",
		Long: `Tells the emulator of a running lab to answer with a status, a page of HTML, late, or
in part, or to issue tokens that are opaque or of a clock that is wrong. The fault
ends after --times requests or tokens, after --for, or with --clear.`,
		Example: fmt.Sprintf(`  klamm lab %[1]s fault --status 429 --header 'Retry-After: 1' --times 2
  klamm lab %[1]s fault --latency 2s --for 1m
  klamm lab %[1]s fault --show
  klamm lab %[1]s fault --clear`, emulator),
		Args: explained(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			method, body, err := f.request()
			if err != nil {
				return err
			}
			raw, err := to.call(cmd.Context(), method, app.FaultsPath, body)
			if err != nil || !f.show {
				return err
			}
			return showing(showFault)(cmd.OutOrStdout(), raw)
		},
	}
	to.flags(cmd)
	flags := cmd.Flags()
	flags.IntVar(&f.Status, "status", 0, "answer this status")
	flags.StringArrayVar(&f.headers, "header", nil, "answer this header, as 'Name: value'; may be given again")
	flags.StringVar(&f.Body, "body", "", "answer this body")
	flags.BoolVar(&f.HTML, "html", false, "answer HTML, as a proxy in between")
	flags.DurationVar(&f.latency, "latency", 0, "answer after this time")
	flags.BoolVar(&f.Truncate, "truncate", false, "end the connection in the middle of the body")
	flags.BoolVar(&f.Opaque, "opaque", false, "issue random texts as tokens")
	flags.DurationVar(&f.clock, "clock", 0, "issue tokens as with a clock that is this far ahead; behind when negative")
	flags.StringVar(&f.Path, "path", "", "hit only requests whose path ends so, such as /keys")
	flags.IntVar(&f.Times, "times", 0, "how many requests or tokens it hits; 0 for all")
	flags.DurationVar(&f.last, "for", 0, "how long it lasts; 0 for until --clear")
	flags.BoolVar(&f.clear, "clear", false, "end the fault")
	flags.BoolVar(&f.show, "show", false, "show the fault in force, with what is left of it")
	return cmd
}

// request is what the flags ask for.
func (f faultFlags) request() (method string, body any, err error) {
	does := map[bool]string{true: "--show shows the fault", false: "--clear ends the fault"}[f.show]
	switch {
	case (f.clear || f.show) && !reflect.DeepEqual(f, faultFlags{clear: f.clear, show: !f.clear}):
		return "", nil, fault.New(fault.Invalid, "%s and sets none: it goes with --at and --ca alone", does)
	case f.show:
		return http.MethodGet, nil, nil
	case f.clear:
		return http.MethodDelete, nil, nil
	}
	f.Latency, f.Clock, f.For = text(f.latency), text(f.clock), text(f.last)
	for _, line := range f.headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return "", nil, fault.New(fault.Invalid, "%q is no header, expected \"Name: value\"", line).At("--header")
		}
		if f.Header == nil {
			f.Header = map[string]string{}
		}
		f.Header[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return http.MethodPost, f.Fault, nil
}

// text is a duration as JSON has it; "" for none.
func text(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func showFault(t *table, f app.Fault) {
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	yes := map[bool]string{true: "yes"}
	t.row("status", number(f.Status))
	for _, name := range slices.Sorted(maps.Keys(f.Header)) {
		t.row("header", name+": "+f.Header[name])
	}
	if f.Body != "" {
		t.row("body", strconv.Quote(f.Body))
	}
	t.row("html", yes[f.HTML])
	t.row("latency", f.Latency)
	t.row("truncate", yes[f.Truncate])
	t.row("opaque", yes[f.Opaque])
	t.row("clock", f.Clock)
	t.row("path", f.Path)
	t.row("times left", number(f.Times))
	t.row("time left", f.For)
	if t.Len() == 0 {
		t.line("no fault is in force")
	}
}
