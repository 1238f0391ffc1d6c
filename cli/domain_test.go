//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"groupwriteback/infra/stage"
	"groupwriteback/infra/stage/samba"
	"groupwriteback/shared/plan"
)

// TestDay plays an administrator's day: the command, the handler and the agent as real programs, on a real domain.
func TestDay(t *testing.T) {
	dir := t.TempDir()
	source, err := filepath.Abs("..")
	must(t, err)
	bin, err := stage.Build(t.Context(), source, dir)
	must(t, err)
	dc, err := samba.Launch(t.Context(), filepath.Join(dir, "dc"), 60, os.Stderr)
	if err != nil {
		t.Fatalf("%v\nremedy: infra/stage/samba/install.sh", err)
	}
	t.Cleanup(func() { dc.Close() })
	company, err := stage.NewCompany("", dc.SIDs, 12, 40)
	must(t, err)
	s := &stage.Stage{Dir: dir, Source: source, Bin: bin, Company: company, DC: dc, Target: "corp", Scan: "500ms", Log: io.Discard}
	t.Cleanup(s.Stop)
	must(t, s.Start(t.Context()))
	must(t, s.StartAgent())
	d := &day{stage: s}
	go d.timer(t)
	t.Run("script", func(t *testing.T) {
		testscript.Run(t, testscript.Params{Dir: "testdata/domain", Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"cloud": d.cloud, "byhand": d.byHand, "until": d.until, "capture": capture,
		}, Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, s.Operator()...)
			return nil
		}})
	})
	if !t.Failed() {
		t.Run("examples", func(t *testing.T) { playExamples(t, s) })
	}
}

type day struct{ stage *stage.Stage }

// timer fires as the host's does, until the test is over.
func (d *day) timer(t *testing.T) {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-t.Context().Done():
			return
		case <-tick.C:
			_ = d.stage.Sync(t.Context()) // a turn that fails is told by what follows
		}
	}
}

// cloud changes the tenant: join GROUP USER, leave GROUP USER, account USER SAME-AS, halve GROUP.
func (d *day) cloud(ts *testscript.TestScript, _ bool, args []string) {
	c := d.stage.Company
	id := c.ID(args[1])
	var err error
	switch args[0] {
	case "join":
		err = c.Tenant.AddMember(id, c.ID(args[2]))
	case "leave":
		err = c.Tenant.RemoveMember(id, c.ID(args[2]))
	case "account": // it is synchronised from Active Directory from now on
		err = errors.Join(c.Tenant.SetProperty(id, "onPremisesSyncEnabled", true), c.Tenant.SetProperty(id, "onPremisesSecurityIdentifier", string(d.stage.DC.SIDs[args[2]])))
	case "halve":
		members := c.Members(id)
		for _, m := range members[:len(members)/2+1] {
			err = errors.Join(err, c.Tenant.RemoveMember(id, m))
		}
	default:
		err = fmt.Errorf("nothing that happens in the cloud: %s", args[0])
	}
	ts.Check(err)
}

// byHand gives an AD group another description, as an administrator does: byhand GROUP TEXT.
func (d *day) byHand(ts *testscript.TestScript, _ bool, args []string) {
	id := d.stage.Company.ID(args[0]).String()
	dn := plan.JoinRDN(args[0]+"_"+id[24:], d.stage.Base)
	ts.Check(d.stage.DC.Modify(context.Background(), fmt.Sprintf("dn: %s\nchangetype: modify\nreplace: description\ndescription: %s\n", dn, args[1])))
}

// until runs a command again until its output has a text: until REGEXP COMMAND ARGS.
func (d *day) until(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile(args[0])
	again := time.NewTicker(250 * time.Millisecond) // the API counts requests
	defer again.Stop()
	for end := time.Now().Add(30 * time.Second); ; <-again.C {
		err := ts.Exec(args[1], args[2:]...)
		out := ts.ReadFile("stdout")
		switch {
		case err == nil && want.MatchString(out):
			return
		case time.Now().After(end):
			ts.Fatalf("%s never says %s; last: %s, %v", strings.Join(args[1:], " "), args[0], out, err)
		}
	}
}
