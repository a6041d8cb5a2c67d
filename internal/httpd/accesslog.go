package httpd

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// accessLog writes one line for each request: no query string, no header, no
// body, since tokens and secrets travel in all three. A handler that panics is
// answered with 500 and an empty body; the panic is logged by its type only,
// since its text may hold what the handler worked on.
func accessLog(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := &recorder{ResponseWriter: w}
		defer func() {
			p := recover()
			switch {
			case p == http.ErrAbortHandler:
				defer panic(p)
			case p != nil:
				log.Error("an HTTP handler panicked", "path", r.URL.Path, "panic", fmt.Sprintf("%T", p))
				if rec.status == 0 {
					rec.WriteHeader(http.StatusInternalServerError)
				}
			}
			log.Debug("http", "method", r.Method, "path", r.URL.Path, "status", rec.status,
				"bytes", rec.bytes, "took", time.Since(began), "from", r.RemoteAddr)
		}()
		next.ServeHTTP(rec, r)
		if rec.status == 0 {
			rec.status = http.StatusOK // net/http sends it when the handler wrote nothing
		}
	})
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Unwrap is for [http.ResponseController].
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
