// Package storage starts throw-away object stores for the tests and the demo:
// Azurite, which plays Azure Blob Storage, and versitygw, which plays Amazon S3.
// Both are real servers as others use them, on a loopback port, with keys made
// for this one start.
//
// It is not for anything that must last: Azurite keeps everything in memory, and
// versitygw in a folder that Stop removes. install.sh, beside this file, fetches
// the programs.
package storage

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Azurite is an Azure storage account with blobs only. Its zero value can be
// started.
type Azurite struct {
	Log               io.Writer // of the server; may be nil
	CertFile, KeyFile string    // PEM: with them it speaks HTTPS, and takes tokens as well as keys

	URL        string // of the account
	Connection string // the connection string

	server process
}

const account = "groupwriteback"

// Start starts the server and waits until it answers.
func (a *Azurite) Start(ctx context.Context) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(addr)
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	text := base64.StdEncoding.EncodeToString(key)
	// The check of the API's version would refuse every SDK that is newer than Azurite.
	args := []string{"--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", port}
	scheme := "http"
	if a.CertFile != "" {
		scheme = "https"
		args = append(args, "--oauth", "basic", "--cert", a.CertFile, "--key", a.KeyFile)
	}
	a.URL = fmt.Sprintf("%s://%s/%s", scheme, addr, account)
	if err := a.server.folders(); err != nil {
		return err
	}
	a.Connection = fmt.Sprintf("DefaultEndpointsProtocol=%s;AccountName=%s;AccountKey=%s;BlobEndpoint=%s;", scheme, account, text, a.URL)
	return a.server.start(ctx, a.Log, addr, []string{"AZURITE_ACCOUNTS=" + account + ":" + text}, "azurite-blob", args...)
}

// Stop ends the server.
func (a *Azurite) Stop() { a.server.stop() }

// Versity is an S3 server with one bucket. Its zero value can be started.
type Versity struct {
	Log io.Writer // of the server; may be nil

	URL    string // the endpoint
	Bucket string
	Env    []string // the AWS environment of a client: NAME=value

	server process
}

// Start starts the server and waits until it answers.
func (v *Versity) Start(ctx context.Context) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	secret := make([]byte, 20)
	_, _ = rand.Read(secret)
	const region, access = "us-east-1", "groupwriteback"
	v.URL, v.Bucket = "http://"+addr, "journal"
	v.Env = []string{"AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=" + access, "AWS_SECRET_ACCESS_KEY=" + hex.EncodeToString(secret)}
	env := []string{"ROOT_ACCESS_KEY=" + access, "ROOT_SECRET_KEY=" + hex.EncodeToString(secret), "VGW_REGION=" + region}
	// A folder in the root is a bucket. Metadata are extended attributes, which the
	// temporary folder must have; kept in files beside the objects they would not
	// change at one with them.
	if err := v.server.folders("data/" + v.Bucket); err != nil {
		return err
	}
	return v.server.start(ctx, v.Log, addr, env, "versitygw", "--quiet", "--keep-alive", "--port", addr, "posix", "data")
}

// Stop ends the server and removes what it stored.
func (v *Versity) Stop() { v.server.stop() }

// process is a server's process, in a folder of its own.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	dir    string
}

// folders makes folders in the process's own.
func (p *process) folders(names ...string) (err error) {
	if p.dir, err = os.MkdirTemp("", "storage-"); err != nil {
		return err
	}
	for _, n := range names {
		err = errors.Join(err, os.MkdirAll(filepath.Join(p.dir, n), 0o700))
	}
	return err
}

// start runs a program of the cache until it listens. It outlives ctx: stop ends it.
func (p *process) start(ctx context.Context, log io.Writer, addr string, env []string, program string, args ...string) (err error) {
	defer func() {
		if err != nil {
			p.stop()
			err = fmt.Errorf("start %s: %w", program, err)
		}
	}()
	exe, err := find(program)
	if err != nil {
		return err
	}
	var said bytes.Buffer
	if log == nil {
		log = io.Discard
	}
	p.cmd = exec.Command(exe, args...)
	p.cmd.Dir, p.cmd.Env = p.dir, append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, io.MultiWriter(log, &said)
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.exited = make(chan struct{})
	go func() { _ = p.cmd.Wait(); close(p.exited) }()
	if err := p.listens(ctx, addr); err != nil {
		p.stop() // before what it said is read
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	return nil
}

// listens waits until the process takes connections.
func (p *process) listens(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not listen on %s: %w", addr, ctx.Err())
		case <-p.exited:
			return errors.New("it ended")
		case <-tick.C:
		}
	}
}

func (p *process) stop() {
	if p.exited != nil {
		_ = p.cmd.Process.Kill()
		<-p.exited
		p.exited = nil
	}
	if p.dir != "" {
		_ = os.RemoveAll(p.dir)
		p.dir = ""
	}
}

// find looks a program up in the cache folder: $GROUPWRITEBACK_CACHE, or a
// folder in the user's cache directory.
func find(program string) (string, error) {
	dir := os.Getenv("GROUPWRITEBACK_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find cache directory: %w: set GROUPWRITEBACK_CACHE", err)
		}
		dir = filepath.Join(user, "groupwriteback")
	}
	exe, err := filepath.Abs(filepath.Join(dir, "bin", program))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(exe); err != nil {
		return "", fmt.Errorf("%w: run infra/stage/storage/install.sh", err)
	}
	return exe, nil
}

// freeAddr finds a loopback port on which nothing listens. Another program may
// take it first: then the start fails, and says so.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
