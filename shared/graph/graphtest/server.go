package graphtest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"groupwriteback/shared/directory"
)

// Options say how the server behaves. The zero value is polite, and knows no client.
type Options struct {
	TenantID string   // a GUID; DefaultTenant if empty
	Clients  []Client // who can sign in
	Identity string   // the Client.ID of the managed identity; "" offers none
	Hosts    []string // further names for the TLS certificate, beside localhost and the address

	PageSize    int    // items a page; 100 if 0
	MemberSlice int    // members an item; 500 if 0
	Shuffle     bool   // items come in an odd order
	Repeat      int    // every nth item is sent three times; 0: none
	EmptyPages  int    // an empty page after every n pages; 0: none
	ListDeleted bool   // a full enumeration lists deleted groups, users and members too
	BareRestore bool   // who comes back from the recycle bin is listed without the members it had
	Replay      int    // a delta begins with the last n events that the one before it had
	Seed        uint64 // of all that is random in the above

	Expired  int // status of a link that is no longer known; 410, with a Location, if 0
	Throttle int // requests for feeds in 10 seconds, those that are refused too; 0: no limit

	// Fault is asked before each request is served what goes wrong with it. n counts
	// the requests for that path, from 1. It may be called concurrently.
	Fault func(r *http.Request, n int) Fault

	CodeLife time.Duration // of a device code; 15 minutes if 0

	Key *rsa.PrivateKey  // signs tokens; nil: one is made, which takes a moment
	Now func() time.Time // the time in tokens; time.Now if nil
}

// DefaultTenant is the tenant id of a server that was given none.
const DefaultTenant = "6f2d9b1e-58c7-4a43-9d0a-3f1b7c2e8a55"

// Fault is what goes wrong with a request. The zero value is nothing.
type Fault struct {
	Delay      time.Duration // before all else
	Status     int           // this status in place of the answer
	Code       string        // code of the OData error that comes with Status
	RetryAfter string        // the header of that name
	Location   string        // the header of that name
	Body       string        // this body in place of the answer, or of the OData error
	Empty      bool          // no body at all in place of the answer
	Cut        int           // the connection is cut after so many bytes of the body; at once if negative

	// Edit returns what is sent in place of the true body, which it is given. It is
	// asked for true answers only; Cut counts what it returns.
	Edit func(body []byte) []byte
}

// Request is a request that the server got.
type Request struct {
	Method string
	Path   string
	Query  string
	Feed   directory.Feed // "" if it was none for a feed, such as one for a token
}

// Server is Microsoft Graph, the sign-in and the managed identity endpoint on one
// address. Its links and its certificate authority live as long as it does.
type Server struct {
	tenant  *Tenant
	options Options
	id      string // unlike any other server's
	url     string
	key     *rsa.PrivateKey
	ca      []byte
	http    *http.Server

	mu       sync.Mutex
	requests []Request
	counts   map[string]int
	rounds   map[int]*round
	opened   int // rounds
	frozen   map[directory.Feed]*Tenant
	window   time.Time // when the 10 seconds of Options.Throttle began
	used     int       // requests in them
	age      int       // of links: raised by ExpireLinks
	sealed   uint64    // links
	lost     map[directory.Feed]lostLinks
	lies     Lies
	codes    map[string]*code // by device code
	issued   int              // access tokens
	revoked  int              // access tokens up to this one are not accepted
}

// NewServer returns a server of t that does not listen yet.
func NewServer(t *Tenant, o Options) *Server {
	o.TenantID = cmp.Or(o.TenantID, DefaultTenant)
	o.PageSize = cmp.Or(o.PageSize, 100)
	o.MemberSlice = cmp.Or(o.MemberSlice, 500)
	o.Expired = cmp.Or(o.Expired, http.StatusGone)
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Clients = slices.Clone(o.Clients)
	return &Server{tenant: t, options: o, id: rand.Text(), key: o.Key, counts: map[string]int{}, rounds: map[int]*round{}}
}

// Start listens on address, "127.0.0.1:0" if empty, and serves until Close.
func (s *Server) Start(address string) error {
	l, err := net.Listen("tcp", cmp.Or(address, "127.0.0.1:0"))
	if err != nil {
		return fmt.Errorf("start graph server: %w", err)
	}
	at := l.Addr().(*net.TCPAddr)
	host := at.IP.String()
	if at.IP.IsUnspecified() {
		host = slices.Concat(s.options.Hosts, []string{"localhost"})[0]
	}
	s.url = fmt.Sprintf("https://%s", net.JoinHostPort(host, fmt.Sprint(at.Port)))
	var cert tls.Certificate
	s.ca, cert, err = certify(slices.Concat(s.options.Hosts, []string{host, "localhost", "127.0.0.1", "::1"}), time.Now())
	if err == nil && s.key == nil {
		s.key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("start graph server: %w", err), l.Close())
	}
	s.http = &http.Server{
		Handler:           s.handler(),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{cert}},
		ErrorLog:          log.New(io.Discard, "", 0), // clients that hang up are what this server is for
		ReadHeaderTimeout: 10 * time.Second,
	}
	go func() { _ = s.http.ServeTLS(l, "", "") }() // returns when Close closes l
	return nil
}

// Close stops the server and cuts its connections.
func (s *Server) Close() error {
	if s.http == nil {
		return nil
	}
	return s.http.Close()
}

// URL is the address of Graph and of the sign-in, such as "https://127.0.0.1:4711".
func (s *Server) URL() string { return s.url }

// TenantID is the tenant's id, which the sign-in takes.
func (s *Server) TenantID() string { return s.options.TenantID }

// CA is the certificate, in PEM, of the authority that clients have to trust.
func (s *Server) CA() []byte { return s.ca }

// HTTP returns a new HTTP client that trusts the server.
func (s *Server) HTTP() *http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.ca)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

// Requests returns the requests so far, in the order in which they came.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func allFeeds() []directory.Feed {
	return []directory.Feed{directory.GroupFeed, directory.UserFeed, directory.DeviceFeed, directory.ContactFeed}
}

func listPath(f directory.Feed) string { return "/v1.0/" + string(f) }

func feedPath(f directory.Feed) string { return listPath(f) + "/delta" }

// betaProperty is in Graph's beta version alone.
const betaProperty = "writebackConfiguration"

// beta is a path in that version.
func beta(path string) string { return "/beta" + strings.TrimPrefix(path, "/v1.0") }

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, f := range allFeeds() {
		serve := func(w http.ResponseWriter, r *http.Request) { s.serveDelta(w, r, f) }
		mux.HandleFunc("GET "+feedPath(f), serve)
		mux.HandleFunc("GET "+beta(feedPath(f)), serve)
	}
	for _, f := range allFeeds()[1:] {
		mux.HandleFunc("GET "+listPath(f), func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, f, paged(s.list)) })
	}
	mux.HandleFunc("GET "+listPath(directory.GroupFeed), func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, directory.GroupFeed, paged(s.named)) })
	mux.HandleFunc("GET "+listPath(directory.GroupFeed)+"/{id}", s.serveGroup)
	mux.HandleFunc("GET /v1.0/groupSettings", s.about(settingsRoles, s.groupSettings))
	mux.HandleFunc("GET /v1.0/servicePrincipals", s.about(principalRoles, s.servicePrincipals))
	mux.HandleFunc("GET /v1.0/servicePrincipals/{id}/synchronization/jobs", s.about(jobRoles, s.syncJobs))
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", s.inTenant(s.serveConfiguration))
	mux.HandleFunc("GET /{tenant}/discovery/v2.0/keys", s.inTenant(s.serveKeys))
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", s.inTenant(s.serveToken))
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/devicecode", s.inTenant(s.serveDeviceCode))
	mux.HandleFunc("GET "+identityPath, s.serveIdentity)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "Request_ResourceNotFound", "Resource not found for the segment '"+r.URL.Path+"'.")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.disturb(w, r, s.count(r), mux) })
}

// count logs a request, and returns how many there were for its path.
func (s *Server) count(r *http.Request) int {
	req := Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery}
	for _, f := range allFeeds() {
		if r.URL.Path == feedPath(f) {
			req.Feed = f
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, req)
	s.counts[req.Path]++
	return s.counts[req.Path]
}

// disturb answers a request as true does, or with the fault that it is to meet.
func (s *Server) disturb(w http.ResponseWriter, r *http.Request, n int, truth http.Handler) {
	if s.options.Fault == nil {
		truth.ServeHTTP(w, r)
		return
	}
	f := s.options.Fault(r, n)
	pause(r.Context(), f.Delay)
	switch {
	case f.Cut < 0:
		panic(http.ErrAbortHandler) // net/http's way to cut a connection
	case f.Cut > 0:
		w = &cutWriter{ResponseWriter: w, left: f.Cut}
	}
	for name, v := range map[string]string{"Retry-After": f.RetryAfter, "Location": f.Location} {
		if v != "" {
			w.Header().Set(name, v)
		}
	}
	switch {
	case f.Body != "", f.Empty:
		w.WriteHeader(cmp.Or(f.Status, http.StatusOK))
		_, _ = io.WriteString(w, f.Body)
	case f.Status != 0:
		refuse(w, f.Status, cmp.Or(f.Code, "faultInjected"), "The server was told to answer so.")
	case f.Edit != nil:
		kept := &keptBody{ResponseWriter: w}
		truth.ServeHTTP(kept, r)
		_, _ = w.Write(f.Edit(kept.body.Bytes()))
	default:
		truth.ServeHTTP(w, r)
	}
}

// keptBody keeps a body instead of sending it.
type keptBody struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (w *keptBody) Write(b []byte) (int, error) { return w.body.Write(b) }

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// cutWriter cuts the connection when its bytes are used up.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(b []byte) (int, error) {
	if len(b) < w.left {
		w.left -= len(b)
		return w.ResponseWriter.Write(b)
	}
	_, _ = w.ResponseWriter.Write(b[:w.left])
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}
