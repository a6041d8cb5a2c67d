package metrics_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/metrics"
)

func TestMetrics(t *testing.T) {
	m := metrics.New("v1")
	m.Relay().Opened("lkc-1")
	m.Relay().Opened("lkc-1")
	m.Relay().Closed("lkc-1", "client")
	m.Relay().Request("lkc-1", 0, 100)
	for key := range int16(1000) {
		m.Relay().Request("lkc-1", 1000+key, 1)
	}
	m.Relay().Response("lkc-1", 50)
	m.Guard().Login("ok", time.Millisecond)
	m.Guard().Refused("kafka.Produce")
	m.Guard().Sessions(3)
	m.Guard().Unwritten("lost", 1)

	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text := w.Body.String()
	for _, want := range []string{
		`klamm_connections{cluster="lkc-1"} 1`, `klamm_connections_closed_total{cluster="lkc-1",reason="client"} 1`,
		`klamm_requests_total{api_key="0",cluster="lkc-1"} 1`, `klamm_requests_total{api_key="unknown",cluster="lkc-1"} 1000`,
		`klamm_request_bytes_total{cluster="lkc-1"} 1100`, `klamm_response_bytes_total{cluster="lkc-1"} 50`,
		`klamm_login_seconds_count{outcome="ok"} 1`, `klamm_refused_total{method="kafka.Produce"} 1`, "klamm_sessions 3", `klamm_audit_unwritten_total{why="lost"} 1`, `klamm_audit_unwritten_total{why="spared"} 0`,
		`klamm_build_info{version="v1"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if n := strings.Count(text, "klamm_requests_total{"); n != 2 {
		t.Errorf("%d series for API keys: a client chooses their number", n)
	}
}

func BenchmarkRequest(b *testing.B) {
	relay := metrics.New("v1").Relay()
	b.ReportAllocs()
	for b.Loop() {
		relay.Request("lkc-1", 0, 100)
	}
}
