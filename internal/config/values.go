package config

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

// Size is a number of bytes, written with a binary unit: 64KiB, 256MiB, 1GiB,
// or as a plain number.
type Size int64

// units from the largest, so that String finds the shortest form.
var units = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

func (s *Size) UnmarshalText(text []byte) error {
	for _, u := range units {
		digits, ok := strings.CutSuffix(string(text), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || n > uint64(math.MaxInt64/u.bytes) {
			break
		}
		*s = Size(int64(n) * u.bytes)
		return nil
	}
	return fault.New(fault.Invalid, "%.32q is no size, expected %s", text, s.expected())
}

func (Size) expected() string { return "a size such as 256MiB (KiB, MiB or GiB)" }

func (s Size) String() string {
	for _, u := range units {
		if int64(s) >= u.bytes && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Duration is a positive length of time in Go's notation: 20s, 1m30s, 24h.
type Duration time.Duration

func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v <= 0 {
		return fault.New(fault.Invalid, "%.32q is no positive length of time, expected %s", text, d.expected())
	}
	*d = Duration(v)
	return nil
}

func (Duration) expected() string { return "a length of time such as 20s, 5m or 24h" }
func (d Duration) String() string { return time.Duration(d).String() }

// Path is a file name. In a configuration it is relative to the file that
// names it; [Load] makes it relative to nothing but the working directory.
type Path string

func (Path) expected() string { return "a path" }

// under resolves p against the folder dir.
func (p *Path) under(dir string) {
	if *p != "" && !filepath.IsAbs(string(*p)) {
		*p = Path(filepath.Join(dir, string(*p)))
	}
}

// Address is HOST:PORT of TCP; the host may be empty to listen everywhere.
type Address string

func (a *Address) UnmarshalText(text []byte) error {
	_, port, err := net.SplitHostPort(string(text))
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		return fault.New(fault.Invalid, "%.80q is no address, expected %s", text, a.expected())
	}
	*a = Address(text)
	return nil
}

func (Address) expected() string { return "HOST:PORT" }

// Host is the part before the port, without brackets.
func (a Address) Host() string {
	host, _, _ := net.SplitHostPort(string(a))
	return host
}

// Port is 0 when the system is to choose.
func (a Address) Port() int {
	_, port, _ := net.SplitHostPort(string(a))
	n, _ := strconv.Atoi(port)
	return n
}

// everywhere reports whether the address names no host that a client could dial.
func (a Address) everywhere() bool {
	ip, err := netip.ParseAddr(a.Host())
	return a.Host() == "" || err == nil && ip.IsUnspecified()
}

// loopback reports whether nobody but this machine reaches the address.
func (a Address) loopback() bool {
	ip, err := netip.ParseAddr(a.Host())
	return a.Host() == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// Local is an address that only this machine reaches: HOST:PORT on loopback,
// or unix:PATH. The network is one of net.Listen; both are empty when not set.
type Local struct{ Network, Address string }

func (l *Local) UnmarshalText(text []byte) error {
	if path, ok := strings.CutPrefix(string(text), "unix:"); ok && path != "" {
		*l = Local{Network: "unix", Address: path}
		return nil
	}
	var a Address
	if err := a.UnmarshalText(text); err != nil || !a.loopback() {
		return fault.New(fault.Invalid, "%.80q is not local, expected %s", text, l.expected()).
			Mend("it shows who is connected and why somebody was refused, to everybody who reaches it")
	}
	*l = Local{Network: "tcp", Address: string(a)}
	return nil
}

func (Local) expected() string { return "127.0.0.1:PORT, [::1]:PORT or unix:PATH" }

func (l Local) String() string {
	if l.Network == "unix" {
		return "unix:" + l.Address
	}
	return l.Address
}

// Ports says which ports stand for the brokers: FIRST-LAST, where a broker has
// the port FIRST + its node id, or any that are free.
type Ports struct {
	Auto        bool
	First, Last int
}

func (p *Ports) UnmarshalText(text []byte) error {
	if string(text) == "auto" {
		*p = Ports{Auto: true}
		return nil
	}
	first, last, _ := strings.Cut(string(text), "-")
	a, errA := strconv.ParseUint(first, 10, 16)
	b, errB := strconv.ParseUint(last, 10, 16)
	if errA != nil || errB != nil || a == 0 || b < a {
		return fault.New(fault.Invalid, "%.32q is no range of ports, expected %s", text, p.expected())
	}
	*p = Ports{First: int(a), Last: int(b)}
	return nil
}

func (Ports) expected() string { return "FIRST-LAST such as 9093-9192, or auto" }

// IsZero reports whether nothing was set.
func (p Ports) IsZero() bool { return p == Ports{} }

func (p Ports) String() string {
	if p.Auto {
		return "auto"
	}
	return fmt.Sprintf("%d-%d", p.First, p.Last)
}
