package stage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"groupwriteback/shared/ad"
)

// accounts: the agent's account may not sign in.
func (f *fire) accounts() []ordeal {
	const other, another = "Another.Passw0rd.1", "Another.Passw0rd.2"
	file := func(t *testing.T, password string) {
		must(t, os.WriteFile(filepath.Join(f.Dir, "ad-password"), []byte(password), 0o600))
	}
	// Whoever puts the account right has the agent try its password again at once.
	again := func(t *testing.T) {
		if err := os.Remove(filepath.Join(f.Dir, "agent-state", f.Target+"-directory-refused.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	account := func(name string, begin, end func(t *testing.T), says ...string) ordeal {
		return ordeal{name: name, begin: func(t *testing.T) { begin(t); f.proxy.Cut() }, end: func(t *testing.T) { end(t); again(t) }, says: append([]string{"sign in to ldaps://"}, says...)}
	}
	set := func(attr, value string) func(t *testing.T) {
		return func(t *testing.T) { f.admin.set(t, f.admin.account(), attr, value) }
	}
	return []ordeal{
		// Twice, since Samba takes the last password for another hour.
		account("password changed", func(t *testing.T) { f.admin.password(t, other); f.admin.password(t, another) }, func(t *testing.T) { file(t, another) },
			"the user name or the password is wrong", "data 52e"),
		account("password changed back", func(t *testing.T) { f.admin.password(t, other); f.admin.password(t, f.DC.Password) }, func(t *testing.T) { file(t, f.DC.Password) },
			"the user name or the password is wrong", "data 52e"),
		account("account disabled", set("userAccountControl", "66050"), set("userAccountControl", "66048"), "the account is disabled: enable it", "data 533"),
		account("account expired", set("accountExpires", "116444736000000000"), set("accountExpires", "0"), "the account has expired: extend it", "data 701"),
		account("password to be changed", func(t *testing.T) { set("userAccountControl", "512")(t); set("pwdLastSet", "0")(t) },
			func(t *testing.T) { set("pwdLastSet", "-1")(t); set("userAccountControl", "66048")(t) },
			"the password must be changed first: set one without that demand", "data 773"),
		account("password expired", func(t *testing.T) { set("userAccountControl", "512")(t); f.admin.age(t) },
			func(t *testing.T) { set("pwdLastSet", "-1")(t); set("userAccountControl", "66048")(t) },
			"the password has expired: set a new one, and let it not expire", "data 532"),
		account("account locked out", f.lockOut, func(t *testing.T) {
			set("lockoutTime", "0")(t)
			f.admin.set(t, f.DC.Domain, "lockoutThreshold", "0")
		}, "the account is locked out: unlock it and look for who used a wrong password", "data 775"),
	}
}

// lockOut has the account sign in with wrong passwords until it is locked out.
func (f *fire) lockOut(t *testing.T) {
	f.admin.set(t, f.DC.Domain, "lockoutThreshold", "2")
	for range 3 {
		if _, err := ad.Dial(t.Context(), ad.Config{URL: f.DC.URL, ServerName: f.DC.ServerName, CAFile: f.DC.CAFile, User: f.DC.BindName, Password: "wrong"}); err == nil {
			t.Fatal("signed in with a wrong password")
		}
	}
}

// rights: an administrator takes rights away, and gives them back.
func (f *fire) rights(t *testing.T) []ordeal {
	const (
		write = 0x1 | 0x2 | 0x8 | 0x20 // create and delete children, validated writes, write properties
		list  = 0x4
		read  = 0x10
	)
	was := f.admin.descriptor(t, f.Base)
	give := func(t *testing.T) { f.admin.setDescriptor(t, f.Base, was) }
	deny := func(mask uint32) func(*testing.T) {
		return func(t *testing.T) {
			f.admin.setDescriptor(t, f.Base, denying(was, f.DC.SIDs["svc-groupwriteback"], mask))
		}
	}
	const remedy = "grant the account 'create and delete group objects' on OU=Cloud Groups"
	blind := []string{"groups may be there that this account does not see", "the account may not list what is in OU=Cloud Groups"}
	missed := []string{fmt.Sprintf("%d groups have to be read again by the agent first", len(identities(t, f.Stage))), "the agent is not believed where it finds no group", "the account may not list what is in OU=Cloud Groups"}
	return []ordeal{
		{name: "no right to write", begin: deny(write), end: give, told: []string{"insufficient access rights", remedy}},
		{name: "right to write taken in a plan", buries: true, before: atWrite(2, func() { deny(write)(t) }), end: give, told: []string{"insufficient access rights", remedy}},
		{name: "no right to list", begin: deny(list), end: give, says: blind, told: missed},
		{name: "right to list taken in a plan", before: atWrite(2, func() { deny(list)(t) }), end: give, says: blind, told: missed},
		{name: "no right to read", begin: deny(read), end: give, says: []string{"the account may not read objectGUID of OU=Cloud Groups"}},
	}
}
