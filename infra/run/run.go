package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"groupwriteback/infra/bundle"
	"groupwriteback/infra/stage/host"
)

// A machine runs both halves of an installation.
type machine struct {
	installation
	source   string        // the project's folder
	programs string        // folder of the built handler and agent
	every    time.Duration // between turns
	out      io.Writer

	writing sync.Mutex // of out: both halves print
}

// Write prints what one half says, whole.
func (m *machine) Write(b []byte) (int, error) {
	m.writing.Lock()
	defer m.writing.Unlock()
	return m.out.Write(b)
}

func (m *machine) say(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

// run checks, starts and works until ctx ends, which is no error. What was begun when
// it ends, by force too, is found done or done again by the next start.
func (m *machine) run(ctx context.Context) (err error) {
	app, err := os.MkdirTemp("", "groupwriteback-app-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(app)) }()
	if err := bundle.FunctionApp(m.source, filepath.Join(m.programs, "handler"), "", app); err != nil {
		return fmt.Errorf("lay out app: %w", err)
	}
	m.say("handler check")
	if err := m.check(ctx, app, filepath.Join(app, "handler"), "check"); err != nil {
		return unlessEnded(ctx, err)
	}
	h := &host.Host{Root: app, Env: m.env, Address: m.address, Log: m, Command: own}
	defer h.Stop()
	if err := h.Start(ctx); err != nil {
		return unlessEnded(ctx, fmt.Errorf("start host: %w: if %s is taken, name another port as relay.url in agent.yaml", err, m.address))
	}
	agent, err := filepath.Abs(filepath.Join(m.programs, "agent"))
	if err != nil {
		return err
	}
	m.say("\nagent check")
	if err := m.check(ctx, m.folder, agent, "check", "--config", m.file("agent.yaml")); err != nil {
		return unlessEnded(ctx, err)
	}
	m.invite()
	return m.work(ctx, h, agent)
}

// check shows what one half's check says, and fails where it does.
func (m *machine) check(ctx context.Context, dir, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, m, m
	if dir != m.folder {
		cmd.Env = append(inherited(), m.env...) // the handler's: its secrets are not for the agent
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s check: %w: put right what it says above, and start again", filepath.Base(program), err)
	}
	return nil
}

// inherited is this process's environment without settings of the product: the
// handler has those of its file.
func inherited() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "GROUPWRITEBACK_") })
}

// invite prints lines that work when they are pasted.
func (m *machine) invite() {
	api := "http://" + m.address + "/api"
	call := func(body string) string {
		return fmt.Sprintf(`  curl -sS -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d '%s' %s/manualsync`, body, api)
	}
	m.say("\nBoth halves run; Ctrl-C ends them. In another terminal:\n")
	m.say("  curl -sS %s/status/health", api)
	m.say("  TOKEN=$(az account get-access-token --resource %s --query accessToken --output tsv)", m.api)
	m.say(`  curl -sS -H "Authorization: Bearer $TOKEN" %s/status`, api)
	m.say("%s", call(`{"action":"preview"}`))
	m.say("%s\n", call(`{"action":"enable"}`))
	m.say("A new target writes nothing. enable shows the first plan and its digest; to say yes to it:\n")
	m.say("%s\n", call(`{"action":"enable","digest":"<digest>"}`))
}

// work runs the agent, and fires the timer, until ctx or one of the two ends.
func (m *machine) work(ctx context.Context, h *host.Host, program string) error {
	agent := own(program)
	agent.Args = append(agent.Args, "run", "--config", m.file("agent.yaml"))
	agent.Dir, agent.Stdout, agent.Stderr = m.folder, m, m
	if err := agent.Start(); err != nil {
		return fmt.Errorf("start agent: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan struct{})
	go func() {
		cancel(fmt.Errorf("%w: %w", errAgentEnded, orClean(agent.Wait())))
		close(ended)
	}()
	err := m.turns(ctx, h)
	if agent.Process.Signal(syscall.SIGTERM) != nil {
		_ = agent.Process.Kill() // a system without that signal, or it has ended
	}
	<-ended
	if cause := context.Cause(ctx); err == nil && errors.Is(cause, errAgentEnded) {
		err = cause
	}
	if err == nil {
		m.say("Both halves have ended. Nothing is lost: the next start goes on from here.")
	}
	return err
}

var errAgentEnded = errors.New("the agent has ended, as it says above")

// orClean is an error for an end that was none.
func orClean(err error) error {
	if err == nil {
		return errors.New("exit code 0")
	}
	return err
}

// turns fires the timer now and at each tick. A turn that fails is told of by the
// handler and in its status, and the next one tries again; a handler that is gone ends
// everything.
func (m *machine) turns(ctx context.Context, h *host.Host) error {
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for {
		if err := h.Timer(ctx, "sync"); errors.Is(err, host.ErrGone) {
			return unlessEnded(ctx, err)
		} else if err != nil && ctx.Err() == nil {
			m.say("run: %s", strings.TrimSpace(err.Error()))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// unlessEnded drops an error that comes of the end of everything.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
