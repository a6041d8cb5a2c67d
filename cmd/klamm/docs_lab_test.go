package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What a page's klamm does otherwise than klamm: a lab that stays up, as in a
// reader's other terminal, goes on in the background, on ports of the system's
// choice; the one before it has ended by Ctrl-C. Its settings are in lab.env.
const (
	pageVariable = "KLAMM_DOCUMENT" // set while the blocks of a page run
	labSettings  = "lab.env"
	labOutput    = ".lab.out"
	labProcess   = ".lab.pid"
	labPorts     = ".lab.ports" // lines DOCUMENTED=REAL
	isUp         = "The lab is up"
)

// ports that a lab can be given one by one, by their documented numbers, and
// the flags of each. Those of Kafka follow from its settings.
var documentedPorts = []struct{ number, flag string }{
	{"9644", "--ops-port"}, {"9482", "--imds-port"}, {"9445", "--imds-https-port"}, {"9480", "--entra-http-port"},
	{"9443", "--entra-port"}, {"9481", "--okta-http-port"}, {"9444", "--okta-port"},
}

// emulatorPorts are those that `klamm lab NAME …` talks to.
var emulatorPorts = map[string]string{"imds": "9482", "entra": "9480", "oidc": "9481"}

// klamm is the program itself, or the reader of a page at work.
func klamm() {
	if os.Getenv(pageVariable) == "" {
		main()
		return
	}
	os.Unsetenv(pageVariable)
	args := os.Args[1:]
	switch {
	case len(args) == 0 || slices.Contains(args, "--help"):
	case args[0] == "explain" && os.Getenv("KLAMM_OPS_URL") == "":
		os.Setenv("KLAMM_OPS_URL", "http://127.0.0.1:"+realPorts()["9644"])
	case args[0] == "lab" && len(args) > 1 && emulatorPorts[args[1]] != "" && !slices.Contains(args, "--at"):
		os.Args = append(os.Args, "--at", "http://127.0.0.1:"+realPorts()[emulatorPorts[args[1]]])
	case args[0] == "lab" && (slices.Contains(args, "--check") || slices.Contains(args, "--")):
		os.Args = slices.Insert(os.Args, 2, "--ports", "auto")
	case args[0] == "lab" && (len(args) == 1 || strings.HasPrefix(args[1], "--")):
		if err := stayUp(args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	main()
}

// stayUp starts a lab in the background and shows what it says until it is up.
func stayUp(args []string) error {
	endLab(".")
	for range 5 {
		said, err := startLab(args)
		if err != nil && bytes.Contains(said, []byte("is taken")) {
			continue // somebody took a port that was free a moment ago
		}
		os.Stdout.Write(said)
		return err
	}
	return errors.New("no free ports")
}

func startLab(args []string) ([]byte, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ports, flags, err := freePorts()
	if err != nil {
		return nil, err
	}
	args = append(slices.Insert(slices.Clone(args), 1, "--ports", "auto"), flags...)
	if !slices.Contains(args, "--env-file") {
		args = append(args, "--env-file", labSettings)
	}
	out, err := os.Create(labOutput)
	if err != nil {
		return nil, err
	}
	lab := &exec.Cmd{Path: exe, Args: append([]string{"klamm"}, args...), Stdout: out, Stderr: out, SysProcAttr: &syscall.SysProcAttr{Setpgid: true}}
	if err := errors.Join(os.WriteFile(labPorts, []byte(ports), 0o600), lab.Start(), os.WriteFile(labProcess, []byte(strconv.Itoa(lab.Process.Pid)), 0o600)); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- lab.Wait() }()
	for deadline := time.After(30 * time.Second); ; {
		said, _ := os.ReadFile(labOutput)
		if bytes.Contains(said, []byte(isUp)) {
			return said, nil
		}
		select {
		case err := <-ended:
			said, _ = os.ReadFile(labOutput)
			return said, fmt.Errorf("the lab ended: %v", err)
		case <-deadline:
			return said, errors.New("the lab is not up")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// freePorts chooses a free port for each documented one.
func freePorts() (lines string, flags []string, _ error) {
	for _, p := range documentedPorts {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", nil, err
		}
		defer ln.Close()
		port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
		lines += p.number + "=" + port + "\n"
		flags = append(flags, p.flag, port)
	}
	return lines, flags, nil
}

// realPorts are those of the lab that runs in the current folder, by their
// documented numbers.
func realPorts() map[string]string { return portsOf(".") }

func portsOf(dir string) map[string]string {
	text, _ := os.ReadFile(dir + "/" + labPorts)
	settings, _ := os.ReadFile(dir + "/" + labSettings)
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		documented, is, _ := strings.Cut(strings.TrimSpace(line), "=")
		all[documented] = is
	}
	if m := bootstrap.FindSubmatch(settings); m != nil {
		all["9092"] = string(m[1])
	}
	return all
}

var bootstrap = regexp.MustCompile(`(?m)^KAFKA_BOOTSTRAP_SERVER=.*:(\d+)$`)

// endLab ends the lab of a folder, if one runs, as Ctrl-C does, and waits for
// its settings to be gone.
func endLab(dir string) {
	text, err := os.ReadFile(dir + "/" + labProcess)
	if err != nil {
		return
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil || syscall.Kill(pid, syscall.SIGINT) != nil {
		return
	}
	for range 2000 {
		if _, err := os.Stat(dir + "/" + labSettings); os.IsNotExist(err) {
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	_ = os.Remove(dir + "/" + labProcess)
}
