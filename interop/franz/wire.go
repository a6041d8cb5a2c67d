package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// wire is a logged-in connection that sends any request in any version, as no
// client would.
type wire struct {
	net.Conn
	format      *kmsg.RequestFormatter
	correlation int32
}

// newWire logs in with the given version of SaslAuthenticate.
func newWire(ctx context.Context, reads *recorder, address, poolVariable string, version int16) (*wire, error) {
	conn, err := reads.dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: conn, format: kmsg.NewRequestFormatter(kmsg.FormatterClientID("interop-wire"))}
	if err := w.login(ctx, poolVariable, version); err != nil {
		w.Close()
		return nil, fmt.Errorf("login: %w", err)
	}
	return w, nil
}

func (w *wire) login(ctx context.Context, poolVariable string, version int16) error {
	token, err := managedIdentityToken(ctx)
	if err != nil {
		return err
	}
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Version, handshake.Mechanism = 1, "OAUTHBEARER"
	if _, err := w.ask(handshake); err != nil {
		return err
	}
	auth := kmsg.NewPtrSASLAuthenticateRequest()
	auth.Version = version
	auth.SASLAuthBytes = fmt.Appendf(nil, "n,,\x01auth=Bearer %s\x01logicalCluster=%s\x01identityPoolId=%s\x01\x01",
		token, os.Getenv("KAFKA_LOGICAL_CLUSTER_ID"), os.Getenv(poolVariable))
	resp, err := w.ask(auth)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.(*kmsg.SASLAuthenticateResponse).ErrorCode)
}

// ask sends a request in its version, and waits for the answer.
func (w *wire) ask(req kmsg.Request) (kmsg.Response, error) {
	w.correlation++
	_ = w.SetDeadline(time.Now().Add(patience))
	if _, err := w.Write(w.format.AppendRequest(nil, req, w.correlation)); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(w, size[:]); err != nil {
		return nil, fmt.Errorf("%s %d: %w", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(w, frame); err != nil {
		return nil, err
	}
	return decode(req.Key(), req.GetVersion(), frame[4:])
}

// recordBatch is one record as Produce wants it.
func recordBatch(value string) []byte {
	r := kmsg.Record{Value: []byte(value)}
	r.Length = int32(len(r.AppendTo(nil)) - 1) // of the bytes after it, which is one byte itself
	b := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: 1,
		FirstTimestamp: time.Now().UnixMilli(), MaxTimestamp: time.Now().UnixMilli(), Records: r.AppendTo(nil),
	}
	const afterLength, checked = 12, 21
	b.Length = int32(len(b.AppendTo(nil)) - afterLength)
	b.CRC = int32(crc32.Checksum(b.AppendTo(nil)[checked:], crc32.MakeTable(crc32.Castagnoli)))
	return b.AppendTo(nil)
}
