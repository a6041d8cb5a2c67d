// Command klamm is an identity gateway for Kafka; `klamm help` says more.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/klammhq/klamm/internal/cli"
)

// version is set by the linker.
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, version)
	stop()
	os.Exit(code)
}
