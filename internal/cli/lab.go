package cli

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/klammhq/klamm/internal/app"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/lab"
)

func newLab(p *printer) *cobra.Command {
	o := app.LabOptions{Ports: lab.DefaultPorts()}
	var check bool
	var ports, envFile, level string
	cmd := &cobra.Command{
		Use:   "lab [-- CMD [ARG...]]",
		Short: "Everything on this machine: gateway, Kafka, Entra ID, IMDS and an Okta-shaped server",
		Long: `Starts the gateway, an embedded Kafka engine and emulators of Entra ID, of Azure's
instance metadata service and of an Okta-shaped server on loopback, in this one
process. Then it proves itself: a managed identity takes a token, produces,
consumes, and is refused where it has no role. It stays up until Ctrl-C.

With CMD it runs CMD with the lab's settings in its environment and returns CMD's
exit code. Records are kept in memory and end with the lab.`,
		Example: `  klamm lab
  klamm lab --check
  klamm lab --env-file lab.env
  klamm lab -- python3 producer.py
  klamm lab --emulators-only --issuers own
  klamm lab --upstream 127.0.0.1:9092 --kafka-port 19092`,
		Args: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); len(args) > 0 && at != 0 {
				return fault.New(fault.Invalid, "lab takes no argument %q; a command to run stands after --", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if ports != "fixed" && ports != "auto" {
				return fault.New(fault.Invalid, "--ports is fixed or auto, not %q", ports)
			}
			if ports == "auto" {
				o.Ports = onlyNamed(cmd, o.Ports)
			}
			if level != "" {
				var err error
				if o.Log, err = newLog(p, "text", level); err != nil {
					return err
				}
			}
			if o.EmulatorsOnly && (check || o.Upstream != "") {
				return fault.New(fault.Invalid, "--emulators-only starts no gateway: it goes with neither --check nor --upstream")
			}
			o.Version = cmd.Root().Version
			return runLab(cmd.Context(), p, o, labRun{check: check, envFile: envFile, command: args})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&check, "check", false, "end after the proof")
	f.StringVar(&envFile, "env-file", "", "write the lab's settings as KEY=value lines to this file; it is removed at the end")
	f.StringVar(&o.World, "config", "", "a YAML file with the lab's world instead of the built-in one")
	f.BoolVar(&o.EmulatorsOnly, "emulators-only", false, "no gateway and no Kafka: only the emulators")
	f.StringVar(&o.Issuers, "issuers", "", "whose name Entra tokens carry: microsoft (the literal issuers; default) or own (the emulator's URL; default with --emulators-only)")
	f.DurationVar(&o.TokenLifetime, "token-lifetime", 0, "how long the emulators' tokens live, such as 20s; as the real services' when not given")
	f.StringVar(&o.Upstream, "upstream", "", "HOST:PORT of a Kafka without TLS and login, to stand behind the gateway instead of the engine")
	f.StringVar(&o.ArcKeys, "arc-keys", "", "an absolute folder for Azure Arc's key files, /var/opt/azcmagent/tokens for Azure's SDKs; no Arc when not given")
	f.StringVar(&o.IMDSListen, "imds-listen", "", "ADDRESS:PORT where IMDS listens too, such as 169.254.169.254:80; addresses of loopback and link-local ones only")
	f.StringArrayVar(&o.Faults, "fault", nil, `a fault that an emulator begins with, as 'imds={"status":429,"times":2}'; may be given again`)
	f.StringVar(&level, "log-level", "", "debug, info, warn or error: log to standard error; no log when not given")
	f.StringVar(&ports, "ports", "fixed", "fixed, or auto: the system chooses")
	for _, flag := range portFlags(&o.Ports) {
		f.IntVar(flag.port, flag.name, *flag.port, flag.help)
	}
	cmd.AddCommand(newLabEmulators()...)
	return cmd
}

// portFlag is the flag of a single port.
type portFlag struct {
	name, help string
	port       *int
}

func portFlags(p *lab.Ports) []portFlag {
	return []portFlag{
		{"kafka-port", "bootstrap port; brokers have the ports after it", &p.Kafka},
		{"ops-port", "health, metrics, explain", &p.Ops},
		{"imds-port", "instance metadata service, http", &p.IMDS},
		{"imds-https-port", "instance metadata service, https", &p.IMDSTLS},
		{"entra-port", "Entra ID, https", &p.EntraTLS},
		{"entra-http-port", "Entra ID, http", &p.Entra},
		{"okta-port", "Okta-shaped server, https", &p.OktaTLS},
		{"okta-http-port", "Okta-shaped server, http", &p.Okta},
	}
}

// onlyNamed keeps the ports that were named and leaves the others to the system.
func onlyNamed(cmd *cobra.Command, p lab.Ports) lab.Ports {
	for _, flag := range portFlags(&p) {
		if !cmd.Flags().Changed(flag.name) {
			*flag.port = 0
		}
	}
	return p
}

// labRun is what happens once the lab stands.
type labRun struct {
	check   bool
	envFile string
	command []string
}

func runLab(ctx context.Context, p *printer, o app.LabOptions, r labRun) (err error) {
	begin := time.Now()
	l, err := app.StartLab(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if r.envFile != "" {
		remove, err := l.Env.WriteFile(r.envFile)
		if err != nil {
			return err
		}
		defer remove()
	}
	quiet := len(r.command) > 0
	if !quiet {
		p.step("started", l.Summary(), time.Since(begin))
	}
	if !o.EmulatorsOnly && !quiet {
		err := l.Proof().Run(ctx, p.step)
		var failed *lab.Failed
		if errors.As(err, &failed) {
			p.failed(failed.Step, fault.Sentence(failed.Err), failed.Why)
			return fault.New(fault.KindOf(failed.Err), "%s", failed.Error())
		}
		if err != nil {
			return err
		}
	}
	switch {
	case r.check:
		p.line("%s the lab works (%s in all)", p.paint(green, "✓"), round(time.Since(begin)))
		return nil
	case quiet:
		return runCommand(ctx, r.command, l.Env)
	}
	p.line("")
	p.line("%s", l.Settings(p.heading))
	p.line("The lab is up; Ctrl-C ends it.%s", l.Hint())
	<-ctx.Done()
	return nil
}

func (p *printer) heading(text string) string { return p.paint(bold, text) }

// stopGrace is how long a command may take to end after a signal.
const stopGrace = 10 * time.Second

// runCommand runs a program of the user's with the lab's variables. Its exit
// code becomes klamm's. On Ctrl-C the terminal has told it already; a SIGTERM
// is passed on.
func runCommand(ctx context.Context, command []string, env lab.Env) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env.Environ()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopGrace
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitCode(max(exit.ExitCode(), 1))
	}
	if err != nil {
		return fault.New(fault.Invalid, "%s cannot be run", command[0]).Because(err)
	}
	return nil
}
