package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"groupwriteback/infra/stage"
	"groupwriteback/shared/show"
)

// timerEvery is how often the timer fires while people play.
const timerEvery = 5 * time.Second

// finale prints the table and, on a terminal, keeps everything open to play with.
func (d *demo) finale(ctx context.Context) error {
	d.summary()
	d.head("%s %s.", d.paint.Strong.Sprint("Active Directory equals the cloud:"), strings.TrimSuffix(d.equal, ": equal"))
	if !d.terminal {
		return nil
	}
	page, err := d.servePage(ctx)
	if err != nil {
		return err
	}
	if err := d.invite(ctx, page); err != nil {
		return err
	}
	return d.openHouse(ctx)
}

// invite prints lines that work when they are pasted.
func (d *demo) invite(ctx context.Context, page string) error {
	group, err := d.shell.group(ctx, d.stage.Company.ID("Department 22"))
	if err != nil {
		return err
	}
	change := filepath.Join(d.dir, "by-hand.ldif")
	if err := os.WriteFile(change, []byte(ldif(group.first("dn"), "changed by hand")), 0o600); err != nil {
		return err
	}
	dc, sh := d.stage.DC, d.shell
	d.title("Yours to play with")
	d.say("status   %s   %s", page, d.paint.Dim.Sprint("(signs in for you)"))
	d.say("folder   %s", d.dir)
	d.head("look at a group:")
	d.paste(sh.environment(), "ldapsearch", "-x", "-LLL", "-H", dc.URL, "-D", dc.BindName, "-y", sh.service, "-b", dc.Base, "(displayName=Department 22)", "cn", "description", "member")
	d.head("try: change it by hand …")
	d.paste(sh.environment(), "ldapmodify", "-x", "-H", dc.URL, "-D", dc.AdminName, "-y", sh.admin, "-f", change)
	d.head("… and compare: exit code 1 at once, 0 when the next scan has put it right")
	d.paste(nil, append([]string{"python3", filepath.Join(d.stage.Source, "infra/stage/compare.py"), "--truth", filepath.Join(d.dir, "truth.json")}, d.stage.LookArgs()...)...)
	d.head("The timer fires every %.0f s. %s: somebody joins a department in the cloud. %s: the end.", timerEvery.Seconds(), d.paint.Strong.Sprint("Enter"), d.paint.Strong.Sprint("Ctrl-C"))
	fmt.Fprintln(d.out)
	return nil
}

// paste prints a command in lines of bearable width.
func (d *demo) paste(env []string, args ...string) {
	fmt.Fprintln(d.out, d.paint.Add.Sprint(command(d.paint.Width, env, args...)))
}

// command writes a command for a shell, broken into lines that fit; a word that is
// too long by itself stays whole.
func command(width int, env []string, args ...string) string {
	lines, line := []string{}, "   "
	put := func(word string) {
		if len(line)+1+len(word) > width-2 && strings.TrimSpace(line) != "" {
			lines, line = append(lines, line+" \\"), "     "
		}
		line += " " + word
	}
	for _, e := range env {
		put(e)
	}
	for i := 0; i < len(args); i++ {
		word := shellQuote(args[i])
		if strings.HasPrefix(word, "-") && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") { // an option and its value stay together
			i++
			word += " " + shellQuote(args[i])
		}
		put(word)
	}
	return strings.Join(append(lines, line), "\n")
}

// shellQuote quotes a word if a shell would not take it as it is.
func shellQuote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune(plainRunes, r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

const plainRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./:@,+"

// servePage shows the app's status to a browser, signed in as the operator,
// until ctx ends.
func (d *demo) servePage(ctx context.Context) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer json.RawMessage
		if err := d.stage.Call(r.Context(), http.MethodGet, "status", nil, &answer); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer) // a browser that is gone needs no answer
	})}
	go func() { _ = server.Serve(l) }() // returns when the server is closed
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return "http://" + l.Addr().String() + "/", nil
}

// openHouse fires the timer until somebody ends it, and tells what goes on.
func (d *demo) openHouse(ctx context.Context) error {
	last := "in sync"
	timer := time.NewTicker(timerEvery)
	defer timer.Stop()
	for joined := 0; ; {
		select {
		case <-ctx.Done():
			fmt.Fprintln(d.out)
			return nil
		case _, ok := <-d.lines:
			if !ok {
				d.lines = nil // the input ended; the timer goes on
				continue
			}
			joined++
			if err := d.join(ctx, joined); err != nil {
				return unlessEnded(ctx, err)
			}
		case <-timer.C:
			now, err := d.turn(ctx)
			if err != nil {
				return unlessEnded(ctx, err)
			}
			if now != last {
				d.say("%s  %s", d.paint.Dim.Sprint(time.Now().Format(time.TimeOnly)), now)
			}
			last = now
		}
	}
}

// turn fires the timer once and says how things stand.
func (d *demo) turn(ctx context.Context) (string, error) {
	if err := d.stage.Sync(ctx); err != nil {
		return "", err
	}
	st, err := d.stage.Status(ctx)
	return standing(st), err
}

// standing is a status in a few words.
func standing(st stage.Status) string {
	say := show.English()
	switch {
	case st.Plan != nil:
		return say.Sprintf("a plan is on its way; changes: %d", st.Plan.Changes)
	case st.Totals.Stale > 0:
		return say.Sprintf("the scan found what it did not expect; groups to read again: %d", st.Totals.Stale)
	case st.Totals.Held > 0:
		return say.Sprintf("in sync, but for %d removals that are held", st.Totals.Held)
	case st.State == "in-sync":
		return "in sync"
	case st.State == "attention":
		return st.Detail
	}
	return st.State
}

// join has one more person join a department, in the cloud.
func (d *demo) join(ctx context.Context, n int) error {
	group, user := fmt.Sprintf("Department %02d", 23+n%10), fmt.Sprintf("user%05d", users-n%1000)
	id, t := d.stage.Company.ID, d.stage.Company.Tenant
	d.say("%s joins %s.", user, group)
	_, err := d.playAct(ctx, act{group: group, do: func() error { return t.AddMember(id(group), id(user)) }})
	if err != nil {
		return err
	}
	_, err = d.stage.Compare(ctx) // writes the cloud's truth anew
	return err
}

// unlessEnded drops an error that comes of the end of everything.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
