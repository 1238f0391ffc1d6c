// Package samba starts throw-away Active Directory domains for the tests and
// the demo: a real Samba domain controller, of the domain CORP.TEST, on a
// loopback address of its own.
//
// It is not for anything that must last: the domain forgets its last writes in
// a crash, and every instance has the same SIDs and keys. Its invariants:
//
//   - nothing listens on an address that other machines can reach;
//   - two domains never share an address or a directory;
//   - a golden copy that other scripts made is never used.
//
// The scripts beside this file do the work and can be run by hand. They are
// embedded, so that a built binary needs no source tree.
package samba

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"groupwriteback/shared/directory"
)

//go:embed golden.sh start.sh stop.sh modify.sh domain.py exchange.py smb.conf.in
var scripts embed.FS

// What every domain of this package is called.
const (
	Domain     = "DC=corp,DC=test"
	Base       = "OU=Cloud Groups,DC=corp,DC=test"
	ServerName = "dc1.corp.test"
	AdminName  = "Administrator@corp.test"
	BindName   = "svc-groupwriteback@corp.test"
)

// DC is a running domain controller.
type DC struct {
	Addr          string // 127.x.y.z
	URL           string // ldaps://127.x.y.z
	CAFile        string // of the certificate, which is for ServerName
	ServerName    string
	Domain        string // DN of the domain
	Base          string // DN of the OU on which BindName has rights
	BindName      string // the service account: least rights
	Password      string
	AdminName     string // for what only an administrator may do; never for the agent
	AdminPassword string
	Dir           string // of its data

	// SIDs are those of user00001…, dev1… to dev5, the domain's own groups and Exchange's.
	SIDs map[string]directory.SID

	scripts string
	remove  bool
	turn    sync.Mutex // the scripts run one after the other
}

// Options are what a domain can have beyond what each has.
type Options struct {
	Users    int // user00001 and so on
	Exchange Exchange
}

// Launch starts a fresh domain with a number of users: see Options.Launch.
func Launch(ctx context.Context, dir string, users int, log io.Writer) (*DC, error) {
	return Options{Users: users}.Launch(ctx, dir, log)
}

// Launch starts a fresh domain in dir, which must be empty or absent; an empty name
// stands for a temporary directory that Close removes. The first launch with a number of
// users takes 10 s and longer, and 2 s more with Exchange; the next ones 1 to 2 s. What the
// scripts have to say goes to log.
func (o Options) Launch(ctx context.Context, dir string, log io.Writer) (_ *DC, err error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	from, err := extract(cache)
	if err != nil {
		return nil, fmt.Errorf("extract scripts: %w", err)
	}
	golden, err := run(ctx, log, filepath.Join(from, "golden.sh"), cache, strconv.Itoa(o.Users), o.Exchange.kind())
	if err != nil {
		return nil, fmt.Errorf("make golden domain: %w", err)
	}
	dc := &DC{Dir: dir, scripts: from, remove: dir == ""}
	if dc.remove {
		if dc.Dir, err = os.MkdirTemp("", "samba-"); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			_ = dc.Close()
		}
	}()
	if dc.Addr, err = FreeAddr(); err != nil {
		return nil, err
	}
	if err := dc.start(ctx, golden, log); err != nil {
		return nil, err
	}
	if err = dc.describe(); err != nil {
		return nil, err
	}
	if text := o.Exchange.LDIF(); text != "" {
		if err = dc.Modify(ctx, text); err != nil {
			return nil, err
		}
	}
	return dc, nil
}

// Modify does in the directory, as its administrator, what a text in LDIF says.
func (dc *DC) Modify(ctx context.Context, ldif string) error {
	file, err := os.CreateTemp("", "modify-*.ldif")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(ldif)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	_, err = run(ctx, io.Discard, filepath.Join(dc.scripts, "modify.sh"), dc.Dir, dc.Addr, file.Name())
	return err
}

// Start starts a domain again that Stop stopped: the same data on the same address.
func (dc *DC) Start(ctx context.Context, log io.Writer) error { return dc.start(ctx, "", log) }

func (dc *DC) start(ctx context.Context, golden string, log io.Writer) error {
	dc.turn.Lock()
	defer dc.turn.Unlock()
	if _, err := run(ctx, log, filepath.Join(dc.scripts, "start.sh"), dc.Dir, dc.Addr, golden); err != nil {
		return fmt.Errorf("start domain: %w", err)
	}
	return nil
}

// Stop stops the domain; its data stay in Dir, and may be copied.
func (dc *DC) Stop() error {
	dc.turn.Lock()
	defer dc.turn.Unlock()
	_, err := run(context.Background(), io.Discard, filepath.Join(dc.scripts, "stop.sh"), dc.Dir)
	return err
}

// Close stops the domain for good.
func (dc *DC) Close() error {
	err := dc.Stop()
	if err == nil && dc.remove {
		err = os.RemoveAll(dc.Dir)
	}
	return err
}

// describe fills in what people and programs need in order to connect.
func (dc *DC) describe() (err error) {
	dc.URL, dc.CAFile, dc.ServerName = "ldaps://"+dc.Addr, filepath.Join(dc.Dir, "tls", "ca.pem"), ServerName
	dc.Domain, dc.Base, dc.BindName, dc.AdminName = Domain, Base, BindName, AdminName
	for name, into := range map[string]*string{"service": &dc.Password, "admin": &dc.AdminPassword} {
		b, err := os.ReadFile(filepath.Join(dc.Dir, name+".password"))
		if err != nil {
			return err
		}
		*into = strings.TrimSpace(string(b))
	}
	b, err := os.ReadFile(filepath.Join(dc.Dir, "principals.json"))
	if err != nil {
		return err
	}
	return json.Unmarshal(b, &dc.SIDs)
}

// FreeAddr finds a loopback address on which nothing listens on the ports of a
// domain controller. Samba's LDAP port is fixed, so a domain takes an address
// where other servers take a port. The addresses are many enough that two
// callers do not meet.
func FreeAddr() (string, error) {
	var err error
	for range 16 {
		addr := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
		if err = free(addr, "88", "389", "636"); err == nil {
			return addr, nil
		}
	}
	return "", fmt.Errorf("find loopback address: %w (ports below 1024 need root, or sysctl net.ipv4.ip_unprivileged_port_start=0)", err)
}

func free(addr string, ports ...string) error {
	for _, port := range ports {
		l, err := net.Listen("tcp", net.JoinHostPort(addr, port))
		if err != nil {
			return err
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}

// cacheDir is where golden copies stay: $GROUPWRITEBACK_CACHE, or a folder in
// the user's cache directory. It can be deleted when no domain is starting.
func cacheDir() (string, error) {
	if dir := os.Getenv("GROUPWRITEBACK_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache directory: %w: set GROUPWRITEBACK_CACHE", err)
	}
	return filepath.Join(dir, "groupwriteback"), nil
}

// extract writes the scripts below dir, under a name that their content gives.
func extract(dir string) (string, error) {
	entries, err := scripts.ReadDir(".")
	if err != nil {
		return "", err
	}
	h := sha256.New()
	content := map[string][]byte{}
	for _, e := range entries { // sorted by name
		b, err := scripts.ReadFile(e.Name())
		if err != nil {
			return "", err
		}
		content[e.Name()] = b
		fmt.Fprintf(h, "%s %d\n%s", e.Name(), len(b), b)
	}
	to := filepath.Join(dir, "scripts-"+hex.EncodeToString(h.Sum(nil)[:6]))
	if _, err := os.Stat(to); err == nil {
		return to, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(dir, "scripts-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	for name, b := range content {
		if err := os.WriteFile(filepath.Join(tmp, name), b, 0o755); err != nil {
			return "", err
		}
	}
	// Another process may have renamed the same content first.
	if err := os.Rename(tmp, to); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return to, nil
}

// run runs a script and returns what it prints on its standard output.
func run(ctx context.Context, log io.Writer, script string, args ...string) (string, error) {
	var out, last bytes.Buffer
	cmd := exec.CommandContext(ctx, script, args...)
	cmd.Stdout, cmd.Stderr = &out, io.MultiWriter(log, &last)
	together(cmd)
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(script), err, strings.TrimSpace(last.String()))
	}
	return strings.TrimSpace(out.String()), nil
}
