package main

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"groupwriteback/infra/golden"
	"groupwriteback/infra/stage/samba"
	"groupwriteback/shared/ad"
	"groupwriteback/shared/ad/adtest"
	"groupwriteback/shared/checklist"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/report"
)

// TestExchangeIsReported: each full report says what there is of Exchange, once; one of named
// groups does not. What cannot be read is told as that, and keeps no group from being told.
func TestExchangeIsReported(t *testing.T) {
	w := newWorld(t)
	w.groups = []ad.Row{group(1, 3), group(2, 40_000)} // in several parts
	w.exchange = exchange.Site{Organization: "CN=Corp", Schema: 17003}
	a := w.start()
	turn := func() []exchange.Site {
		t.Helper()
		w.reports = nil
		_, err := a.turn(t.Context())
		ok(t, err)
		var told []exchange.Site
		for _, r := range w.reports {
			told = append(told, r.Target.Exchange)
		}
		return told
	}
	w.reply.ReadAll = true
	if told := turn(); len(told) < 2 || !reflect.DeepEqual(told[0], w.exchange) || !reflect.DeepEqual(told[1], exchange.Site{}) {
		t.Errorf("told %+v", told)
	}
	w.reply.ReadAll, w.reply.State = false, "s2"
	w.reply.Read = append(w.reply.Read, w.groups[0].Group.ID)
	if told := turn(); len(told) != 1 || !reflect.DeepEqual(told[0], exchange.Site{}) {
		t.Errorf("of a named group: %+v", told)
	}

	w.reply.Read = nil
	w.clock = w.clock.Add(2 * time.Hour)
	w.exchangeErr = errors.New("the account may not read CN=Corp: let it")
	told := turn()
	if len(told) == 0 || !reflect.DeepEqual(told[0], exchange.Site{Unread: w.exchangeErr.Error()}) {
		t.Errorf("unread: %+v", told)
	}
	if !strings.Contains(w.log.String(), w.exchangeErr.Error()) {
		t.Error("nothing of it is in the log")
	}
	w.clock = w.clock.Add(2 * time.Hour)
	w.exchange, w.exchangeErr = exchange.Site{Schema: 15334}, nil // it came, or went, while the agent runs
	if told := turn(); len(told) == 0 || !reflect.DeepEqual(told[0], w.exchange) {
		t.Errorf("afterwards: %+v", told)
	}

	w.clock = w.clock.Add(2 * time.Hour)
	w.exchangeErr = ad.ErrConnection
	if told := turn(); len(told) != 1 || w.reports[0].Full { // the word that nothing can be read
		t.Errorf("without a connection: %+v", w.reports)
	}
}

// TestCheckExchange is what check says of a domain's Exchange, by the service account, as it
// is taken away piece by piece.
func TestCheckExchange(t *testing.T) {
	dc := adtest.StartWith(t, samba.Options{Exchange: samba.AllOfExchange})
	old := adtest.StartWith(t, samba.Options{Exchange: samba.OldExchange})
	seen := &golden.Situations{}
	look := func(name string, dc *adtest.DC) {
		t.Helper()
		conn, err := ad.Dial(t.Context(), ad.Config{URL: dc.URL, ServerName: dc.ServerName, CAFile: dc.CAFile, User: dc.BindName, Password: dc.Password})
		ok(t, err)
		defer conn.Close()
		d := &ad.Domain{Conn: conn, Base: dc.Base, Instance: "corp"}
		d.Identity, err = d.Identify(t.Context())
		ok(t, err)
		site, err := d.Exchange(t.Context())
		say(t, seen, name, site, err)
	}
	look("all of it", dc)
	look("an old one, with a part of the schema", old)
	dc.Modify(t, samba.PreparedTwice.LDIF())
	look("prepared twice", dc)
	dc.Modify(t, samba.NoServer.LDIF())
	look("no server any more", dc)
	dc.Modify(t, samba.SchemaAlone.LDIF())
	look("the schema alone", dc)
	old.Modify(t, samba.Unprepared.LDIF())
	look("an old one, and a domain that is not prepared", old)
	say(t, seen, "none", exchange.Site{}, nil)
	say(t, seen, "2016 without its first update, of which groups are no recipients", exchange.Site{
		Organization: "CN=Corp", Schema: 15317, Forest: 16210, Domain: 13236, Systems: []string{"CN=x"}, Servers: []string{"Version 15.1 (Build 30225.42)"}, Attributes: exchange.Attributes()}, nil)
	say(t, seen, "it cannot be read", exchange.Site{}, errors.New("look for Exchange: the account may not read CN=Corp: let it"))
	seen.Hold(t, "check-exchange")
}

func say(t *testing.T, seen *golden.Situations, name string, site exchange.Site, err error) {
	t.Helper()
	var out bytes.Buffer
	l := &checklist.List{Out: &out}
	report.TellExchange(l, site, err, false)
	if l.Err() != nil {
		t.Errorf("%s: %v: groups without mail need no Exchange", name, l.Err())
	}
	seen.Add(name, out.String(), 0)
}
