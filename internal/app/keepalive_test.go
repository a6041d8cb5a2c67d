//go:build unix

package app

import (
	"net"
	"syscall"
	"testing"
)

// A client that vanishes without a word, behind a NAT that forgot it, must be
// found out: nothing else ends a connection that only waits.
func TestKeepAlive(t *testing.T) {
	ln, err := listen("127.0.0.1", 0, "a test", "")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		on, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
		if err != nil || on == 0 {
			t.Errorf("SO_KEEPALIVE is %d, %v", on, err)
		}
	}); err != nil {
		t.Fatal(err)
	}
}
