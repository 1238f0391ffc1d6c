package host

import (
	"context"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
)

// proxy passes a request that an HTTP function's route matches to the handler,
// with its path as it is, and streams the answer.
func (h *Host) proxy(w http.ResponseWriter, r *http.Request) {
	app := h.files()
	if !slices.ContainsFunc(app.Functions, func(f function) bool { return f.serves(r) }) {
		http.NotFound(w, r)
		return
	}
	worker, err := h.ready(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if h.Seen != nil {
		h.Seen(r)
	}
	to, err := url.Parse(worker.url())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	limited, cancel := context.WithTimeout(r.Context(), app.Timeout)
	defer func() { // ReverseProxy leaves by a panic where the answer was cut short
		if errors.Is(limited.Err(), context.DeadlineExceeded) && r.Context().Err() == nil {
			h.replace(worker)
		}
		cancel()
	}()
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(to)
			p.SetXForwarded()
			user := p.In.Header.Get("User-Agent")
			setHostHeaders(p.Out.Header)
			p.Out.Header.Set("User-Agent", user) // that of an HTTP request stays
		},
		FlushInterval: -1,
		ErrorHandler:  func(w http.ResponseWriter, r *http.Request, err error) { w.WriteHeader(http.StatusBadGateway) },
	}
	proxy.ServeHTTP(w, r.WithContext(limited))
}

// serves says whether a request is one for the function.
func (f function) serves(r *http.Request) bool {
	return f.Trigger == "httpTrigger" && f.Route.MatchString(r.URL.Path) &&
		(len(f.Methods) == 0 || slices.Contains(f.Methods, r.Method))
}
