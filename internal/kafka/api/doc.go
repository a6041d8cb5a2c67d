// Package api knows, per Kafka API key, where topics, groups, ids and
// addresses stand: it reads requests strictly, finds the topics of a Produce
// or a Fetch without decoding records, and puts addresses that clients may see
// in place of a broker's own.
//
// It decides nothing, talks to nobody and never forwards a byte.
package api
