// Package ldapproxy stands between an agent and its domain controller, numbers
// the operations that pass, keeps a log of them, and does harm on demand.
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
	"math/big"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// Fault is what goes wrong with a message. The zero value passes it on.
type Fault struct {
	Delay time.Duration // it goes on so much later
	Cut   bool          // the connection is cut instead
	Shut  bool          // its way is shut instead, by a FIN alone; the way back stays open
	Code  int64         // the agent is answered with this result instead
	Raw   []byte        // the agent is sent these bytes instead
}

// Does says whether a fault is one.
func (f Fault) Does() bool {
	return f.Delay > 0 || f.Cut || f.Shut || f.Code != 0 || f.Raw != nil
}

// Proxy is an LDAPS server that passes everything on to another one. Set the
// first fields, then Start.
type Proxy struct {
	Upstream string      // host:port
	TLS      *tls.Config // for Upstream
	Name     string      // in the proxy's own certificate
	CAFile   string      // where to write the authority of that certificate

	// Before is asked about each operation before it is passed on, After before the
	// last message of its answer is. Both may be nil.
	Before, After func(Operation) Fault

	listener net.Listener
	done     chan struct{} // closed by Close
	mu       sync.Mutex
	log      []*Operation
	writes   int64
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
	p.conns, p.done = map[net.Conn]bool{}, make(chan struct{})
	p.listener, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		return err
	}
	go p.accept()
	return nil
}

// URL is what an agent takes for the domain controller.
func (p *Proxy) URL() string { return "ldaps://" + p.listener.Addr().String() }

// Operations returns the log.
func (p *Proxy) Operations() []Operation {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Operation, len(p.log))
	for i, o := range p.log {
		out[i] = *o
	}
	return out
}

// Writes returns the operations that change the directory.
func (p *Proxy) Writes() []Operation {
	return slices.DeleteFunc(p.Operations(), func(o Operation) bool { return o.Write == 0 })
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
	close(p.done)
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
	pending := sync.Map{} // message id -> *Operation
	go func() {
		defer down.Close()
		p.copy(down, up, down, func(id int64, message *ber.Packet) Fault {
			if entry(message) {
				return Fault{}
			}
			o, ok := pending.LoadAndDelete(id)
			if !ok {
				return Fault{}
			}
			return ask(p.After, p.finish(o.(*Operation), message))
		})
	}()
	p.copy(up, down, down, func(id int64, message *ber.Packet) Fault {
		o, ok := p.note(message)
		if !ok {
			return Fault{}
		}
		pending.Store(id, o)
		return ask(p.Before, *o)
	})
}

func ask(about func(Operation) Fault, o Operation) Fault {
	if about == nil {
		return Fault{}
	}
	return about(o)
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

// copy passes messages on, with the fault of each, until the connection ends.
func (p *Proxy) copy(to, from, agent net.Conn, fault func(id int64, message *ber.Packet) Fault) {
	r := bufio.NewReader(from)
	for {
		m, err := ber.ReadPacket(r)
		if err != nil || len(m.Children) < 2 {
			return
		}
		id, _ := m.Children[0].Value.(int64)
		f := fault(id, m.Children[1])
		if f.Delay > 0 {
			select {
			case <-time.After(f.Delay):
			case <-p.done:
				return
			}
		}
		switch {
		case f.Cut:
			return
		case f.Shut:
			err = to.(*tls.Conn).NetConn().(*net.TCPConn).CloseWrite()
		case f.Code != 0:
			_, err = agent.Write(answer(id, m.Children[1].Tag, f.Code))
		case f.Raw != nil:
			_, err = agent.Write(f.Raw)
		default:
			_, err = to.Write(m.Bytes())
		}
		if err != nil {
			return
		}
	}
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
