package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"groupwriteback/infra/stage"
	"groupwriteback/infra/stage/samba"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/show"
	"groupwriteback/shared/status"
)

// The size of the company.
const (
	users  = 6300
	groups = 40
	staff  = 6000 // members of its largest group
)

// What the company has decided, beside the container and the scope.
const (
	ruled   = "kinds: {security: security, microsoft365: distribution}\nmail: {route: expand}\nleaving: {deleted: quarantine}\n"
	policed = "policy:\n  mail: true\n  quarantine: true\n  group_types: [universal-distribution]\n"
)

// demo is one performance.
type demo struct {
	*screen
	dir   string // of all that is written
	log   *os.File
	equal string // what the last comparison said
	stage *stage.Stage
	shell shell

	refused atomic.Bool // Graph refuses every request
}

// play plays the whole demo, and ends all that it has started.
func play(ctx context.Context, s *screen) (err error) {
	d := &demo{screen: s, stage: &stage.Stage{}}
	if d.dir, err = os.MkdirTemp("", "groupwriteback-demo-"); err != nil {
		return err
	}
	if d.log, err = os.Create(filepath.Join(d.dir, "demo.log")); err != nil {
		return errors.Join(err, os.RemoveAll(d.dir))
	}
	log.SetOutput(d.log) // the servers in this process log there
	defer func() { err = d.end(ctx, err) }()
	fmt.Fprintf(s.out, "\n%s\n", s.paint.Strong.Sprint("Groupwriteback: groups of Entra ID, in Active Directory"))
	s.say("%s", s.paint.Dim.Sprint("What the programs print goes to "+d.log.Name()))
	for _, part := range []func(context.Context) error{d.start, d.firstPlan, d.playActs, d.drift, d.deleted, d.trouble, d.proof, d.switched, d.finale} {
		if err := part(ctx); errors.Is(err, errEnough) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// end ends every process, and leaves nothing but, after a failure, the folder
// with the log.
func (d *demo) end(ctx context.Context, cause error) error {
	err := cause
	if d.stage.DC != nil { // the first that is started
		err = errors.Join(err, d.step("Ending all processes", "", func() (string, error) {
			d.stage.Stop()
			return "handler, agent, Graph and the domain are gone", d.stage.DC.Close()
		}))
	}
	info, statErr := d.log.Stat()
	err = errors.Join(err, statErr, d.log.Close())
	if err == nil || ctx.Err() != nil || statErr == nil && info.Size() == 0 {
		return errors.Join(err, os.RemoveAll(d.dir))
	}
	d.say("The programs' output is in %s", d.log.Name())
	return errors.Join(err, os.RemoveAll(filepath.Join(d.dir, "dc")))
}

// start brings everything up, up to the agent's first report.
func (d *demo) start(ctx context.Context) (err error) {
	d.title("Starting")
	s := d.stage
	*s = stage.Stage{Dir: d.dir, Target: "corp", Log: d.log, Looks: []string{"--mail"}, Rules: ruled, Roles: []string{"Group.Read.All"}, Policy: policed, Graph: graphtest.Options{MemberSlice: 490, PageSize: 50, Shuffle: true, Repeat: 7, EmptyPages: 3, Seed: 1, Fault: d.fault}}
	steps := []struct {
		what, slow string
		do         func() (string, error)
	}{
		{"What is needed", "installing Samba", func() (string, error) {
			if s.Source, err = source(ctx); err != nil {
				return "", err
			}
			return prepare(ctx, s.Source, d.log)
		}},
		{"Handler and agent", "the first build takes a minute", func() (string, error) {
			s.Bin, err = stage.Build(ctx, s.Source, d.dir)
			return built(s.Bin), err
		}},
		{"Domain CORP.TEST", "the first time its golden copy is made, 10 to 30 s", func() (string, error) { return d.startDomain(ctx) }},
		{"Company in the cloud", "", func() (string, error) {
			s.Company, err = stage.NewCompany("", s.DC.SIDs, groups, staff)
			return show.English().Sprintf("%d groups, %d users, one group of %d", groups, users, staff), err
		}},
		{"Graph, Functions host", "", func() (string, error) { return "the handler answers", s.Start(ctx) }},
		{"First read of Entra ID", "", func() (string, error) {
			return "users, devices, groups and their members", s.Sync(ctx)
		}},
		{"Agent's first report", "", func() (string, error) {
			if err := s.StartAgent(); err != nil {
				return "", err
			}
			return "signed in to the relay and to " + s.DC.URL, d.waitPlannable(ctx)
		}},
	}
	for _, p := range steps {
		if err := d.step(p.what, p.slow, p.do); err != nil {
			return err
		}
	}
	return nil
}

func built(b stage.Binaries) string {
	var sizes []string
	for _, f := range []string{b.Handler, b.Agent} {
		if info, err := os.Stat(f); err == nil {
			sizes = append(sizes, fmt.Sprintf("%s %.1f MB", filepath.Base(f), float64(info.Size())/1e6))
		}
	}
	return strings.Join(sizes, ", ")
}

func (d *demo) startDomain(ctx context.Context) (string, error) {
	// Cut short, its scripts would leave processes behind: a stop waits for them.
	dc, err := samba.Options{Users: users, Exchange: samba.AllOfExchange}.Launch(context.WithoutCancel(ctx), filepath.Join(d.dir, "dc"), d.log)
	if err != nil {
		return "", err
	}
	d.stage.DC = dc
	if err := dc.LetRestore(true); err != nil {
		return "", err
	}
	d.shell = shell{dc: dc, service: filepath.Join(d.dir, "ad-password"), admin: filepath.Join(d.dir, "admin-password"), ca: dc.CAFile}
	err = os.WriteFile(d.shell.admin, []byte(dc.AdminPassword), 0o600)
	return "a real domain controller, with Exchange's schema, at " + dc.URL, cmp.Or(context.Cause(ctx), err)
}

// preview asks the app what it would do now.
func (d *demo) preview(ctx context.Context) (cycle.Preview, error) {
	var reply struct{ Preview cycle.Preview }
	err := d.stage.Call(ctx, http.MethodPost, "manualsync", map[string]string{"action": "preview"}, &reply)
	return reply.Preview, err
}

// waitPlannable waits until the agent has reported, so that a plan can be made.
func (d *demo) waitPlannable(ctx context.Context) error {
	ctx, cancel := patience(ctx)
	defer cancel()
	for {
		p, err := d.preview(ctx)
		if err != nil || p.Waiting == "" {
			return err
		}
		if err := d.pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// fill applies the first plan.
func (d *demo) fill(ctx context.Context, p cycle.Preview) error {
	ctx, cancel := patience(ctx)
	defer cancel()
	values := 0
	for _, c := range p.Changes {
		values += c.Values()
	}
	start := time.Now()
	done, end := d.bar(values)
	err := d.settle(ctx, func(st stage.Status) {
		if st.Plan != nil {
			done(st.Plan.Values * st.Plan.Done / len(st.Plan.Digests))
		}
	})
	end()
	if err != nil {
		return err
	}
	took := time.Since(start)
	d.times = append(d.times, timed{"First plan applied", took})
	d.row(d.paint.Add.Sprint("✓"), "Applied", show.English().Sprintf("%d values, %.0f a second", values, float64(values)/took.Seconds()), took)
	return nil
}

// compare holds Active Directory against the cloud. It is an error if they differ.
func (d *demo) compare(ctx context.Context, what string) error {
	return d.step(what, "", func() (string, error) {
		out, err := d.stage.Compare(ctx)
		d.equal = strings.TrimSpace(out)
		return d.equal, err
	})
}

// unwritten lists the members that could not be written, and why.
func (d *demo) unwritten(ctx context.Context) error {
	var st status.Status
	if err := d.stage.Call(ctx, http.MethodGet, "status", nil, &st); err != nil {
		return err
	}
	if len(st.Problems) == 0 {
		return nil
	}
	d.head("%s", d.paint.Strong.Sprint("Not written, and why:"))
	fmt.Fprint(d.out, d.paint.Problems(st.Problems, d.names()))
	return nil
}

// names says what people call the cloud's objects.
func (d *demo) names() func(directory.ID) string {
	truth := d.stage.Company.Tenant.Dump()
	names := map[directory.ID]string{}
	for _, objects := range [][]graphtest.TruthObject{truth.Groups, truth.Users, truth.Devices, truth.Others} {
		for _, o := range objects {
			names[o.ID], _ = o.Properties["displayName"].(string)
		}
	}
	return func(id directory.ID) string { return names[id] }
}
