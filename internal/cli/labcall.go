package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/klammhq/klamm/internal/app"
	"github.com/klammhq/klamm/internal/fault"
)

// labAddress is where an emulator of a running lab is.
type labAddress struct {
	what     string // "IMDS"
	variable string // of the lab's environment, whose URL is at the emulator
	usual    string // where it is without that
	at, ca   string
}

// flags are those that name another address than the usual one.
func (a *labAddress) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.at, "at", "", "where the lab's "+a.what+" listens, http or https ("+a.variable+"; default "+a.usual+")")
	f.StringVar(&a.ca, "ca", os.Getenv("KAFKA_CA_FILE"), "the lab's certificate authority, for https (KAFKA_CA_FILE)")
}

// find completes the address: where nothing is said, the lab's own variables
// tell, which a program that it runs has, and whoever loaded its file.
func (a *labAddress) find() {
	if a.at != "" {
		return
	}
	a.at = a.usual
	if u, err := url.Parse(os.Getenv(a.variable)); err == nil && u.Host != "" {
		a.at = u.Scheme + "://" + u.Host
	}
}

// client trusts the lab's certificate authority when one is named.
func (a *labAddress) client() (*http.Client, error) {
	if a.ca == "" || !strings.HasPrefix(a.at, "https:") {
		return http.DefaultClient, nil
	}
	pem, err := os.ReadFile(a.ca)
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		return nil, fault.New(fault.Invalid, "%q is no file with a PEM certificate", a.ca).At("--ca").Because(err)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}, nil
}

// call asks the emulator at a path and returns the JSON of its answer. No body
// is sent when body is nil.
func (a *labAddress) call(ctx context.Context, method, path string, body any) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	a.find()
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return nil, fault.New(fault.Internal, "the command cannot be written as JSON").Because(err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(a.at, "/")+path, bytes.NewReader(sent))
	if err != nil {
		return nil, fault.New(fault.Invalid, "%q is no address of an emulator", a.at).At("--at").Mend("give http://HOST:PORT")
	}
	client, err := a.client()
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "no %s of a lab answers at %s", a.what, a.at).
			Mend("start klamm lab, or name its address with --at, and for https its certificate authority with --ca").Because(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return nil, fault.New(fault.Unavailable, "the answer of %s broke off", a.at).Because(err)
	}
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusNoContent {
		return said, nil
	}
	var refusal app.AdminError
	if json.Unmarshal(said, &refusal) != nil || refusal.Error == "" {
		return nil, fault.New(fault.Internal, "%s answered %s, which is no lab's %s", a.at, resp.Status, a.what)
	}
	return nil, fault.New(refusedKinds[resp.StatusCode], "%s", refusal.Error).Mend("%s", refusal.Hint)
}

// refusedKinds is what a status of a refusal means; any other is a fault of the
// lab's.
var refusedKinds = map[int]fault.Kind{
	http.StatusBadRequest: fault.Invalid, http.StatusForbidden: fault.Forbidden, http.StatusNotFound: fault.NotFound, http.StatusConflict: fault.Conflict,
}
