package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/app"
	"github.com/klammhq/klamm/internal/fault"
)

// entraAddress is where a lab's Entra ID is.
type entraAddress struct {
	at, ca string
}

// client trusts the lab's certificate authority when one is named.
func (a entraAddress) client() (*http.Client, error) {
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

// call asks the emulator and returns the JSON of its answer.
func (a entraAddress) call(ctx context.Context, method, path string, body map[string]any) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	sent, err := json.Marshal(body)
	if err != nil {
		return nil, fault.New(fault.Internal, "the command cannot be written as JSON").Because(err)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(a.at, "/")+app.EntraPath+path, bytes.NewReader(sent))
	if err != nil {
		return nil, fault.New(fault.Invalid, "%q is no address of an emulator", a.at).At("--at").Mend("give http://HOST:PORT")
	}
	client, err := a.client()
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "no Entra ID of a lab answers at %s", a.at).
			Mend("start klamm lab, or name its address with --at, and for https its certificate authority with --ca").Because(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return nil, fault.New(fault.Unavailable, "the answer of %s broke off", a.at).Because(err)
	}
	if resp.StatusCode == http.StatusOK {
		return said, nil
	}
	var refusal app.EntraError
	if json.Unmarshal(said, &refusal) != nil || refusal.Error == "" {
		return nil, fault.New(fault.Internal, "%s answered %s, which is no lab's Entra ID", a.at, resp.Status)
	}
	return nil, fault.New(entraKinds[resp.StatusCode], "%s", refusal.Error).Mend("%s", refusal.Hint)
}

// entraKinds is what a status of a refusal means; any other is a fault of the lab's.
var entraKinds = map[int]fault.Kind{
	http.StatusBadRequest: fault.Invalid, http.StatusForbidden: fault.Forbidden, http.StatusNotFound: fault.NotFound, http.StatusConflict: fault.Conflict,
}

// showEntra prints an answer.
func showEntra(w io.Writer, raw []byte, asJSON bool) error {
	if asJSON {
		_, err := fmt.Fprintf(w, "%s\n", bytes.TrimSpace(raw))
		return err
	}
	var a app.EntraAnswer
	if err := json.Unmarshal(raw, &a); err != nil {
		return fault.New(fault.Internal, "the answer is no JSON of a lab's Entra ID").Because(err)
	}
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %-28s %s\n", name, value)
		}
	}
	if a.Done != "" {
		fmt.Fprintf(&b, "%s\n", a.Done)
	}
	if a.App != nil {
		rowsOfApp(row, *a.App)
	}
	if a.Secret != nil {
		row("keyId", a.Secret.KeyID)
		row("secretText", a.Secret.Text)
	}
	for _, one := range a.Apps {
		fmt.Fprintf(&b, "%s\n", one.DisplayName)
		rowsOfApp(row, one)
	}
	row("tenantId", a.Tenant)
	row("tokenEndpoint", a.TokenEndpoint)
	row("openidConfiguration", a.Discovery)
	_, err := io.WriteString(w, b.String())
	return err
}

// rowsOfApp leaves out what is as it is when nothing was set.
func rowsOfApp(row func(name, value string), a app.EntraApp) {
	version := "null (tokens of version 1)"
	if a.RequestedAccessTokenVersion != nil {
		version = strconv.Itoa(*a.RequestedAccessTokenVersion)
	}
	row("appId", a.AppID)
	row("id", a.ID)
	row("identifierUris", strings.Join(a.IdentifierURIs, " "))
	row("requestedAccessTokenVersion", version)
	if a.AssignmentRequired {
		row("appRoleAssignmentRequired", "true")
	}
	if !a.Enabled {
		row("accountEnabled", "false")
	}
	for _, r := range a.Roles {
		row("appRole", r.Value+" ("+r.MemberTypes+")")
	}
	for _, p := range a.Permissions {
		row("permission", p.API+" "+p.Role+map[bool]string{false: " (no consent yet)"}[p.Granted])
	}
	for _, p := range a.Assignments {
		row("appRoleAssignment", p.API+" "+p.Role)
	}
}
