package httpd

import (
	"log/slog"
	"net/http"
	"time"
)

// Limits of a connection. A handler with a longer stream moves its own
// deadlines with http.ResponseController.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10 // holds the largest token
)

// NewServer makes a server with limits and an access log: method, path and
// status of each request at level debug. What net/http itself has to say is
// debug too: it is mostly scans whose TLS handshake fails, and anybody can make
// any number of them. It logs nothing when log is nil.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &http.Server{
		Handler:           accessLog(h, log),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
