package relay

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"

	"groupwriteback/infra/golden"
)

// TestCodes is every error that callers tell apart, as it is answered: status, code, and what
// people read.
func TestCodes(t *testing.T) {
	texts := &golden.Texts{}
	for _, k := range problemKinds() {
		w := httptest.NewRecorder()
		WriteProblem(w, httptest.NewRequest("GET", "/api/status", nil), nil, k.err)
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code == "" || p.Status != w.Code {
			t.Fatalf("%v: %d %s", k.err, w.Code, w.Body)
		}
		texts.Add(fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail))
	}
	texts.Hold(t, "codes")
}
