package cli

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/klammhq/klamm/internal/fault"
)

// defaultOps is where a gateway's ops listener stands when nothing is said.
const defaultOps = "http://127.0.0.1:9644"

func newExplain(p *printer) *cobra.Command {
	var ops, principal string
	var last, asJSON bool
	cmd := &cobra.Command{
		Use:   "explain REF | --principal P --last",
		Short: "Why somebody was refused, step by step",
		Long: `Prints the chain of steps that led to a decision: what each step saw, what it
wanted, and how to mend it. REF is what a refused client sees as ref=….

Where a protocol has no room for words, ask for the last refusal of a principal.
The gateway's ops listener answers; it is on loopback or a unix socket.`,
		Example: `  klamm explain 5f0c9d3e8a6b4c1f9e2d7a5b3c8f1e60
  klamm explain --principal User:pool-orders --last
  klamm explain --ops unix:/run/klamm/ops.sock --principal User:pool-orders --last`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := explainPath(args, principal, last)
			if err != nil {
				return err
			}
			if ops == "" {
				ops = defaultOps
			}
			text, err := askOps(cmd.Context(), ops, path, asJSON)
			if err != nil {
				return err
			}
			_, err = io.WriteString(p.out, text)
			return err
		},
	}
	cmd.Flags().StringVar(&ops, "ops", os.Getenv("KLAMM_OPS_URL"), "the gateway's ops listener: http://HOST:PORT or unix:PATH (KLAMM_OPS_URL; default "+defaultOps+")")
	cmd.Flags().StringVar(&principal, "principal", "", "whose refusal: a principal (User:pool-…), an identity claim's value, a client id, or the address of who could not log in")
	cmd.Flags().BoolVar(&last, "last", false, "the last refusal of --principal")
	cmd.Flags().BoolVar(&asJSON, "json", false, "the event and its steps as JSON")
	return cmd
}

func explainPath(args []string, principal string, last bool) (string, error) {
	switch {
	case len(args) == 1 && principal == "" && !last:
		ref := strings.TrimSuffix(strings.TrimPrefix(strings.Trim(args[0], "()"), "ref="), ")")
		return "/explain/" + url.PathEscape(ref), nil
	case len(args) == 0 && principal != "" && last:
		return "/explain?principal=" + url.QueryEscape(principal) + "&last", nil
	}
	return "", fault.New(fault.Invalid, "explain takes either a reference, or --principal together with --last").
		Mend("klamm explain REF, or klamm explain --principal User:pool-… --last")
}

// askOps gets path from an ops listener.
func askOps(ctx context.Context, ops, path string, asJSON bool) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	client, base := http.DefaultClient, strings.TrimSuffix(ops, "/")
	if socket, ok := strings.CutPrefix(ops, "unix:"); ok {
		base = "http://ops"
		client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}}}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return "", fault.New(fault.Invalid, "%q is no address of an ops listener", ops).Mend("give http://HOST:PORT or unix:PATH")
	}
	req.Header.Set("Accept", "text/plain")
	if asJSON {
		req.Header.Set("Accept", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", fault.New(fault.Unavailable, "no gateway answers at %s", ops).
			Mend("start klamm serve or klamm lab, or name its ops listener with --ops or KLAMM_OPS_URL").Because(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return "", fault.New(fault.Unavailable, "the answer of %s broke off", ops).Because(err)
	}
	if resp.StatusCode == http.StatusNotFound {
		return "", fault.New(fault.NotFound, "%s", strings.TrimSpace(string(body))).
			Mend("references are kept by the gateway that refused; check --ops, and that the reference is whole")
	}
	if resp.StatusCode != http.StatusOK {
		return "", fault.New(fault.Internal, "%s answered %s: %s", ops, resp.Status, strings.TrimSpace(string(body)))
	}
	return string(body), nil
}
