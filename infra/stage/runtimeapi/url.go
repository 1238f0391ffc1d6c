package runtimeapi

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// maxPayload is the most that Lambda takes as an event or an answer: 6 MB.
const maxPayload = 6 << 20

func requestID() string { return uuid.Must(uuid.NewRandomFromReader(rand.Reader)).String() }

// serveURL turns a request into an event, invokes, and answers with what the
// function says.
// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads.
func (l *Lambda) serveURL(w http.ResponseWriter, r *http.Request) {
	event, err := encodeRequest(w, r)
	if err != nil {
		message(w, http.StatusRequestEntityTooLarge, "Request Too Long")
		return
	}
	answer, err := l.Invoke(r.Context(), event)
	switch {
	case errors.Is(err, ErrThrottled):
		message(w, http.StatusTooManyRequests, "Rate Exceeded.")
	case err != nil:
		message(w, http.StatusBadGateway, "Internal Server Error")
	default:
		decodeAnswer(w, answer)
	}
}

func message(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"Message": text})
}

// encodeRequest makes an event of format 2.0: header names in lower case, values
// of one name joined, cookies apart, a body that is no text in base64.
func encodeRequest(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		return nil, err
	}
	headers := map[string]string{"host": r.Host, "x-forwarded-proto": "https", "x-forwarded-port": "443"}
	for name, values := range r.Header {
		if name != "Cookie" {
			headers[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	ip, _, _ := net.SplitHostPort(r.RemoteAddr)
	headers["x-forwarded-for"] = ip
	now := time.Now().UTC()
	event := map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": r.URL.EscapedPath(), "rawQueryString": r.URL.RawQuery,
		"headers": headers, "isBase64Encoded": false,
		"requestContext": map[string]any{
			"accountId": "anonymous", "apiId": "abcdefghij", "domainName": r.Host, "domainPrefix": "abcdefghij", "requestId": requestID(),
			"routeKey": "$default", "stage": "$default", "time": now.Format("02/Jan/2006:15:04:05 -0700"), "timeEpoch": now.UnixMilli(),
			"http": map[string]string{"method": r.Method, "path": r.URL.Path, "protocol": r.Proto, "sourceIp": ip, "userAgent": r.UserAgent()},
		},
	}
	if cookies := r.Header.Get("Cookie"); cookies != "" {
		event["cookies"] = strings.Split(cookies, "; ")
	}
	if len(body) > 0 {
		event["body"] = string(body)
		if !isText(r.Header.Get("Content-Type")) || !utf8.Valid(body) {
			event["body"], event["isBase64Encoded"] = base64.StdEncoding.EncodeToString(body), true
		}
	}
	data, err := json.Marshal(event)
	if err == nil && len(data) > maxPayload {
		return nil, errors.New("the event is too large")
	}
	return data, err
}

// isText says whether Lambda takes a body of this type for text.
func isText(contentType string) bool {
	return strings.HasPrefix(contentType, "text/") || strings.HasPrefix(contentType, "application/json") ||
		strings.HasPrefix(contentType, "application/xml") || strings.HasPrefix(contentType, "application/javascript")
}

// decodeAnswer writes what a function answered.
func decodeAnswer(w http.ResponseWriter, answer []byte) {
	var a struct {
		StatusCode      int
		Headers         map[string]string
		Cookies         []string
		Body            string
		IsBase64Encoded bool
	}
	body := []byte(nil)
	err := json.Unmarshal(answer, &a)
	if err == nil && a.IsBase64Encoded {
		body, err = base64.StdEncoding.DecodeString(a.Body)
	} else {
		body = []byte(a.Body)
	}
	if err != nil || a.StatusCode < 200 || a.StatusCode > 599 {
		message(w, http.StatusBadGateway, "Internal Server Error")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	for name, value := range a.Headers {
		w.Header().Set(name, value)
	}
	for _, c := range a.Cookies {
		w.Header().Add("Set-Cookie", c)
	}
	w.WriteHeader(a.StatusCode)
	_, _ = w.Write(body) // the caller is gone: nobody to tell
}
