// Package filter compiles and evaluates the filters of identity pools: CEL
// expressions over a token's claims, in the subset that Confluent Cloud
// documents. It owns cel-go. It never reads a token itself.
package filter
