package app

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/fault"
)

// TestIMDSListenRefuses: nothing starts that would hand tokens to a network.
func TestIMDSListenRefuses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"0.0.0.0:80", "[::]:80", ":80", "10.0.0.1:80", "192.168.1.1:0", "8.8.8.8:80", "[2001:db8::1]:80", "[fd00:ec2::254]:80", "[ff02::1]:80", "224.0.0.1:80",
		"[::ffff:169.254.169.254]:80", "[::ffff:10.0.0.1]:80", "168.63.129.16:80", "169.255.169.254:80", "localhost:80", "169.254.169.254", "169.254.169.254:http",
		"169.254.169.254:99999", "0251.0376.0251.0376:80", "2852039166:80", "http://169.254.169.254:80", " 169.254.169.254:80", "",
	} {
		if _, err := listenMetadata(address); fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), "--imds-listen: ") {
			t.Errorf("%q: %v", address, err)
		}
		if address == "" {
			continue // the flag is not given
		}
		if l, err := StartLab(t.Context(), LabOptions{EmulatorsOnly: true, IMDSListen: address}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: started %v, %v", address, l, err)
		}
	}
}

// TestIMDSListenMends: an address that this machine does not have comes with the
// command that gives it.
func TestIMDSListenMends(t *testing.T) {
	t.Parallel()
	for address, mend := range map[string]string{
		"169.254.123.45:80":  "ip addr add 169.254.123.45/32 dev lo",
		"[fe80::123:45%1]:0": "ip addr add fe80::123:45/128 dev lo",
	} {
		_, err := listenMetadata(address)
		if fault.KindOf(err) != fault.Unavailable || !strings.HasSuffix(fault.HintOf(err), mend) {
			t.Errorf("%s: %v (%s)", address, err, fault.HintOf(err))
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := listenMetadata(taken.Addr().String()); fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.HintOf(err), "another program") {
		t.Errorf("a taken port: %v", err)
	}
}

// TestIMDSListen: the same service answers at the address too, faults included.
func TestIMDSListen(t *testing.T) {
	t.Parallel()
	l, err := StartLab(t.Context(), LabOptions{EmulatorsOnly: true, IMDSListen: "127.0.0.1:0", Faults: []string{`imds={"status":418,"times":1}`}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	also := l.emulators.imdsAlso
	if !strings.HasPrefix(also, "http://127.0.0.1:") || !strings.Contains(l.Summary(), also) {
		t.Fatalf("it is at %q: %s", also, l.Summary())
	}
	for _, want := range []int{http.StatusTeapot, http.StatusOK} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, also+"/metadata/identity/oauth2/token?api-version=2018-02-01&resource="+l.Env.Get("KAFKA_RESOURCE"), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Metadata", "true")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s, want %d", resp.Status, want)
		}
	}
}

func FuzzMetadataAddress(f *testing.F) {
	for _, seed := range []string{"169.254.169.254:80", "127.0.0.1:0", "[fe80::1%lo]:80", "[::1]:80", "0.0.0.0:80", "[::ffff:127.0.0.1]:80", "localhost:80", "%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := metadataAddress(text)
		if err != nil {
			return
		}
		ip := net.ParseIP(at.Addr().WithZone("").String())
		if !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			t.Fatalf("%q is taken as %s", text, at)
		}
	})
}
