package imds_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestClients sends what real clients send, byte for byte.
func TestClients(t *testing.T) {
	for _, c := range []struct{ name, request string }{
		{"librdkafka 2.16", "GET /metadata/identity/oauth2/token?api-version=2025-04-07&resource=pkc-abc:9092&client_id=" + orders.ClientID + " HTTP/1.1\r\n" +
			"Host: 169.254.169.254\r\nMetadata: true\r\nAccept: application/json\r\n\r\n"},
		{"Java UamiJwtRetriever", "GET /metadata/identity/oauth2/token?api-version=2025-04-07&resource=pkc-abc%3A9092&client_id=" + orders.ClientID + " HTTP/1.1\r\n" +
			"Host: 169.254.169.254\r\nAccept: application/json\r\nMetadata: true\r\nCache-Control: no-cache\r\n\r\n"},
		{"azidentity", "GET /metadata/identity/oauth2/token?api-version=2018-02-01&client_id=" + orders.ClientID + "&resource=pkc-abc%3A9092 HTTP/1.1\r\n" +
			"Host: 169.254.169.254\r\nMetadata: true\r\n\r\n"},
		{"curl of Microsoft's page", "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=pkc-abc%3A9092&client_id=" + orders.ClientID + " HTTP/1.1\r\n" +
			"Host: 169.254.169.254\r\nUser-Agent: curl/8\r\nAccept: */*\r\nMetadata:true\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t, true, system, orders)
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(c.request)))
			if err != nil {
				t.Fatal(err)
			}
			w := m.do(r)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"client_id":"`+orders.ClientID+`"`) || !strings.Contains(w.Body.String(), `"resource":"pkc-abc:9092"`) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

// TestProbe: azidentity asks without Metadata whether there is a service.
func TestProbe(t *testing.T) {
	server := httptest.NewServer(newMachine(t, true, system))
	defer server.Close()
	resp, err := server.Client().Get(server.URL + "/metadata/identity/oauth2/token")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Server") == "" {
		t.Errorf("%s from %q", resp.Status, resp.Header.Get("Server"))
	}
}

func TestNothingPrintsATokenItKeeps(t *testing.T) {
	m := newMachine(t, false, system)
	token := m.get(t, base+kafka)["access_token"]
	grant, err := m.Token(system, "pkc-abc:9092")
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{fmt.Sprintf("%+v", m.IMDS), fmt.Sprintf("%#v", m.IMDS), fmt.Sprintf("%+v", grant)} {
		if strings.Contains(printed, token) || strings.Contains(printed, grant.AccessToken.Reveal()) {
			t.Errorf("shows a token: %s", printed)
		}
	}
}
