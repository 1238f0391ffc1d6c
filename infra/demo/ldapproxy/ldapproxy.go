// Package ldapproxy stands between an agent and its domain controller, numbers
// the writes that pass, keeps a log of them, and does harm on demand.
package ldapproxy

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Write is a request that changes the directory.
type Write struct {
	N      int64  // from 1
	Op     string // add | modify | delete | rename
	DN     string
	Remove []string // values of member that a modify deletes
	Code   int64    // result; -1: not known
}

// Proxy is an LDAPS server that passes everything on to another one. Set the
// first fields, then Start.
type Proxy struct {
	Upstream string      // host:port
	TLS      *tls.Config // for Upstream
	Name     string      // in the proxy's own certificate
	CAFile   string      // where to write the authority of that certificate

	// Before is called with the number of each write before it is passed on, After
	// before its result is. What they return false for is not passed on: the
	// connection is cut. Both may be nil.
	Before, After func(n int64) bool

	listener net.Listener
	mu       sync.Mutex
	writes   []*Write
	conns    map[net.Conn]bool
}

// Start listens on 127.0.0.1.
func (p *Proxy) Start() error {
	cert, ca, err := certify(p.Name)
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.CAFile, ca, 0o600); err != nil {
		return err
	}
	p.conns = map[net.Conn]bool{}
	p.listener, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		return err
	}
	go p.accept()
	return nil
}

// URL is what an agent takes for the domain controller.
func (p *Proxy) URL() string { return "ldaps://" + p.listener.Addr().String() }

// Writes returns the log.
func (p *Proxy) Writes() []Write {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Write, len(p.writes))
	for i, w := range p.writes {
		out[i] = *w
	}
	return out
}

// Cut closes all connections that are open.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

// Close stops the proxy.
func (p *Proxy) Close() {
	p.listener.Close()
	p.Cut()
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(c)
	}
}

func (p *Proxy) serve(down net.Conn) {
	defer down.Close()
	up, err := tls.Dial("tcp", p.Upstream, p.TLS)
	if err != nil {
		return
	}
	defer up.Close()
	p.track(down, true)
	defer p.track(down, false)
	pending := sync.Map{} // message id -> *Write
	go func() {
		defer down.Close()
		p.copy(down, up, func(id int64, op *ber.Packet) bool {
			w, ok := pending.LoadAndDelete(id)
			if !ok {
				return true
			}
			p.finish(w.(*Write), op)
			return p.After == nil || p.After(w.(*Write).N)
		})
	}()
	p.copy(up, down, func(id int64, op *ber.Packet) bool {
		w := p.note(op)
		if w == nil {
			return true
		}
		pending.Store(id, w)
		return p.Before == nil || p.Before(w.N)
	})
}

func (p *Proxy) track(c net.Conn, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if open {
		p.conns[c] = true
	} else {
		delete(p.conns, c)
	}
}

// copy passes messages on while see allows it.
func (p *Proxy) copy(to io.Writer, from io.Reader, see func(id int64, op *ber.Packet) bool) {
	r := bufio.NewReader(from)
	for {
		m, err := ber.ReadPacket(r)
		if err != nil || len(m.Children) < 2 {
			return
		}
		id, _ := m.Children[0].Value.(int64)
		if !see(id, m.Children[1]) {
			return
		}
		if _, err := to.Write(m.Bytes()); err != nil {
			return
		}
	}
}

// note logs a request that writes, and returns nil for any other.
func (p *Proxy) note(op *ber.Packet) *Write {
	names := map[ber.Tag]string{ldap.ApplicationAddRequest: "add", ldap.ApplicationModifyRequest: "modify", ldap.ApplicationDelRequest: "delete", ldap.ApplicationModifyDNRequest: "rename"}
	name, ok := names[op.Tag]
	if !ok {
		return nil
	}
	w := &Write{Op: name, Code: -1}
	if name == "delete" {
		w.DN = op.Data.String()
	} else {
		w.DN = text(op.Children[0])
	}
	if name == "modify" {
		for _, change := range op.Children[1].Children {
			w.Remove = append(w.Remove, removed(change)...)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w.N = int64(len(p.writes)) + 1
	p.writes = append(p.writes, w)
	return w
}

// removed lists the members that one change of a modify deletes or replaces.
func removed(change *ber.Packet) []string {
	kind, _ := change.Children[0].Value.(int64)
	attr := change.Children[1]
	if kind == ldap.AddAttribute || text(attr.Children[0]) != "member" {
		return nil
	}
	values := []string{}
	for _, v := range attr.Children[1].Children {
		values = append(values, text(v))
	}
	if kind == ldap.ReplaceAttribute || len(values) == 0 {
		values = append(values, "all")
	}
	return values
}

func (p *Proxy) finish(w *Write, op *ber.Packet) {
	code, _ := op.Children[0].Value.(int64)
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Code = code
}

func text(p *ber.Packet) string {
	if len(p.ByteValue) > 0 || p.Data == nil {
		return string(p.ByteValue)
	}
	return p.Data.String()
}

// certify makes a certificate for name that is its own authority.
func certify(name string) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("make certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
