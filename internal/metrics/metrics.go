// Package metrics counts for Prometheus. It implements the small observer
// interfaces that relay and guard declare, and imports nothing of ours.
//
// No label ever comes from a token, a client id or a topic's name: their
// number would be the attacker's choice.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is one registry with everything that klamm counts.
type Metrics struct {
	registry *prometheus.Registry

	connections  *prometheus.GaugeVec   // cluster
	closed       *prometheus.CounterVec // cluster, reason
	requests     *prometheus.CounterVec // cluster, api_key
	requestBytes *prometheus.CounterVec // cluster
	answerBytes  *prometheus.CounterVec // cluster
	logins       *prometheus.HistogramVec
	refused      *prometheus.CounterVec // method
	sessions     prometheus.Gauge
	unwritten    *prometheus.CounterVec // why
}

// New makes a registry; version is that of the program.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m.connections = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "klamm_connections", Help: "Client connections that are open."}, []string{"cluster"})
	m.closed = vec("klamm_connections_closed_total", "Client connections that ended, by reason.", "cluster", "reason")
	m.requests = vec("klamm_requests_total", "Requests of clients that were let in, by API key.", "cluster", "api_key")
	m.requestBytes = vec("klamm_request_bytes_total", "Bytes of those requests.", "cluster")
	m.answerBytes = vec("klamm_response_bytes_total", "Bytes of the answers to them.", "cluster")
	m.logins = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "klamm_login_seconds", Help: "Time to decide on a login, by outcome: ok or the code of the refusal.",
		Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .01, .1, 1, 10},
	}, []string{"outcome"})
	m.refused = vec("klamm_refused_total", "Actions that no role binding allowed, by method.", "method")
	m.sessions = prometheus.NewGauge(prometheus.GaugeOpts{Name: "klamm_sessions", Help: "Sessions that are open."})
	m.unwritten = vec("klamm_audit_unwritten_total", "Audit events that were not written: lost (the disk), counted (refusals that stand in another event) or spared (permissions of a principal with very many).", "why")
	for _, why := range []string{"lost", "counted", "spared"} { // an alarm needs its 0
		m.unwritten.WithLabelValues(why)
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "klamm_build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m.connections, m.closed, m.requests, m.requestBytes, m.answerBytes, m.logins, m.refused, m.sessions, m.unwritten,
		build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the registry.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Relay counts connections and frames; it is a relay.Observer.
func (m *Metrics) Relay() Relay { return Relay{m} }

// Guard counts decisions; it is a guard.Observer.
func (m *Metrics) Guard() Guard { return Guard{m} }

// Relay is the part of Metrics that a relay sees.
type Relay struct{ m *Metrics }

// Opened counts a connection.
func (r Relay) Opened(cluster string) { r.m.connections.WithLabelValues(cluster).Inc() }

// Closed counts the end of one.
func (r Relay) Closed(cluster, reason string) {
	r.m.connections.WithLabelValues(cluster).Dec()
	r.m.closed.WithLabelValues(cluster, reason).Inc()
}

// Request counts a frame of a client that was let in.
func (r Relay) Request(cluster string, key int16, bytes int) {
	r.m.requests.WithLabelValues(cluster, keyLabel(key)).Inc()
	r.m.requestBytes.WithLabelValues(cluster).Add(float64(bytes))
}

// Response counts an answer.
func (r Relay) Response(cluster string, bytes int) {
	r.m.answerBytes.WithLabelValues(cluster).Add(float64(bytes))
}

// keyLabel bounds what a client can make of labels: 16 bits are its choice.
func keyLabel(key int16) string {
	const known = 100
	if key < 0 || key > known {
		return "unknown"
	}
	return strconv.Itoa(int(key))
}

// Guard is the part of Metrics that a guard sees.
type Guard struct{ m *Metrics }

// Login counts a decision on a login.
func (g Guard) Login(outcome string, took time.Duration) {
	g.m.logins.WithLabelValues(outcome).Observe(took.Seconds())
}

// Refused counts an action that was refused.
func (g Guard) Refused(method string) { g.m.refused.WithLabelValues(method).Inc() }

// Sessions tells how many are open.
func (g Guard) Sessions(open int) { g.m.sessions.Set(float64(open)) }

// Unwritten counts audit events that were not written.
func (g Guard) Unwritten(why string, events int) {
	g.m.unwritten.WithLabelValues(why).Add(float64(events))
}
