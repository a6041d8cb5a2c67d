// Package httpd is what every HTTP surface of klamm shares: handlers that
// return errors, a server with limits, JSON answers, an access log, the reading
// of OAuth token requests as real clients send them, calls that only programs on
// the same machine may make, and faults on purpose.
//
// It knows no surface: paths, the shape of error answers and who may do what
// belong to its callers. It never logs a query string, a header or a body.
package httpd
