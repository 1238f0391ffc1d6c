package main

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// lockout is how long a sign-in that was refused is not tried again with the same
// secret: each try counts towards the lockout of the account, whose window is half an
// hour where nobody changed it.
const lockout = 30 * time.Minute

// The memory's files of refused sign-ins.
const (
	directoryRefused = "-directory-refused.json"
	relayRefused     = "-relay-refused.json"
)

// caution keeps a sign-in that was refused from being tried again with the same
// secret, over restarts too. The file holds no secret, only what shows whether one is
// the same.
type caution struct {
	memory memory
	file   string // ending
	remedy string // what to put right, in the words of the agent's file
	now    func() time.Time

	unkept refusedSignIn // what could not be written: a full disk must not lock accounts out
}

type refusedSignIn struct {
	Salt []byte    `json:"salt"`
	Sum  []byte    `json:"sum"` // of the secret, with the salt
	Code string    `json:"code"`
	Why  string    `json:"why"`
	At   time.Time `json:"at"`
}

// of says whether the secret is the one that was refused.
func (r refusedSignIn) of(secret []string) bool {
	sum, err := derive(secret, r.Salt)
	return err == nil && subtle.ConstantTimeCompare(sum, r.Sum) == 1
}

// derive is slow, so that a guessed password is not found quickly from the file.
func derive(secret []string, salt []byte) ([]byte, error) {
	whole := fmt.Sprintf("%q", secret)
	return pbkdf2.Key(sha256.New, whole, salt, 200_000, sha256.Size)
}

// last is the last refusal. A file that cannot be read costs one more try, and is
// written anew after it.
func (c *caution) last() (r refusedSignIn) {
	if !c.unkept.At.IsZero() {
		return c.unkept
	}
	_ = c.memory.read(c.file, &r)
	return r
}

// allows returns why a secret is not to be shown again yet; nil if it may be.
func (c *caution) allows(secret ...string) error {
	last := c.last()
	// A clock that was set back must not keep the agent out for longer.
	passed := c.now().Sub(last.At)
	if passed < 0 || passed >= lockout || !last.of(secret) {
		return nil
	}
	return fmt.Errorf("%s: refused at %s (%s), and not tried again with the same secret before %s, so that nothing is locked out: %s, or remove %s to have it tried at once",
		last.Why, last.At.UTC().Format(time.RFC3339), last.Code, last.At.Add(lockout).UTC().Format(time.RFC3339), c.remedy, c.memory.file(c.file))
}

// learn notes what came of showing a secret, and returns the error of that. code tells
// the errors that say no to the secret from others, for which it is "".
func (c *caution) learn(came error, code func(error) string, secret ...string) error {
	if came == nil {
		c.unkept = refusedSignIn{}
		_ = c.memory.forget(c.file) // one that stays costs a wait after a restart, no more
	}
	if came == nil || code(came) == "" {
		return came
	}
	now := refusedSignIn{Salt: make([]byte, 16), Code: code(came), Why: came.Error(), At: c.now()}
	_, _ = rand.Read(now.Salt) // never fails
	var err error
	if now.Sum, err = derive(secret, now.Salt); err == nil { // a check makes no folder, but to remember this
		if err = os.MkdirAll(c.memory.folder(), 0o700); err == nil {
			err = c.memory.store(c.file, now)
		}
	}
	c.unkept = refusedSignIn{}
	if err != nil {
		c.unkept = now
	}
	return errors.Join(came, err)
}

// bindCode finds Active Directory's code for why a bind was refused (MS-ERREF 2.2), in
// the text that comes with LDAP's result 49.
var bindCode = regexp.MustCompile(`LDAP Result Code 49 .*\bdata ([0-9a-f]+)`)

// bindRefused is the code of an error by which the domain controller refused this user
// with this password, and will again: a wrong one, an expired one, one to be changed,
// an account that is disabled, expired or locked out.
func bindRefused(err error) string {
	if m := bindCode.FindStringSubmatch(err.Error()); m != nil && slices.Contains([]string{"525", "52e", "532", "533", "701", "773", "775"}, m[1]) {
		return m[1]
	}
	return ""
}

// entraCode finds Entra ID's code.
var entraCode = regexp.MustCompile(`AADSTS[0-9]+`)

// entraRefused is the code of an error by which Entra ID refused this app with this
// secret or certificate, and will again.
// Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
func entraRefused(err error) string {
	code := entraCode.FindString(err.Error())
	if slices.Contains(strings.Fields("AADSTS7000215 AADSTS7000222 AADSTS7000112 AADSTS700016 AADSTS700027 AADSTS90002 AADSTS900023"), code) {
		return code
	}
	return ""
}
