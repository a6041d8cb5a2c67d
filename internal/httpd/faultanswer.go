package httpd

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"time"
)

// wait lets the latency pass and reports whether the fault is still there. A
// client that goes away meanwhile ends the request.
func (f *injected) wait(w http.ResponseWriter, ctx context.Context) bool {
	if f.Latency == 0 {
		return true
	}
	// A test's recorder has no deadlines, and needs none.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(f.Latency + writeTimeout))
	timer := time.NewTimer(f.Latency)
	defer timer.Stop()
	var end <-chan time.Time
	if !f.Until.IsZero() {
		until := time.NewTimer(time.Until(f.Until))
		defer until.Stop()
		end = until.C
	}
	select {
	case <-timer.C:
		return true
	case <-f.ended:
	case <-end:
	case <-ctx.Done():
		panic(http.ErrAbortHandler)
	}
	return false
}

// truncated sends the first half of what next answers, under the length of the
// whole, and cuts the connection.
func truncated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := &keeper{header: w.Header(), status: http.StatusOK}
		next.ServeHTTP(kept, r)
		whole := kept.body.Bytes()
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(whole))}
		w.WriteHeader(kept.status)
		_, _ = w.Write(whole[:len(whole)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
}

// keeper keeps an answer instead of sending it.
type keeper struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (k *keeper) Header() http.Header { return k.header }

func (k *keeper) WriteHeader(status int) {
	if !k.wrote {
		k.status, k.wrote = status, true
	}
}

func (k *keeper) Write(p []byte) (int, error) {
	k.wrote = true
	return k.body.Write(p)
}
