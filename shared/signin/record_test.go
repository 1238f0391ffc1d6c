package signin

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// person is asked, and counts how often.
type person struct{ asked int }

func (p *person) Authenticate(context.Context, *policy.TokenRequestOptions) (azidentity.AuthenticationRecord, error) {
	p.asked++
	return azidentity.AuthenticationRecord{Username: "anna@corp.example", TenantID: "t", ClientID: "c", Version: "1.0"}, nil
}

func (p *person) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "token"}, nil
}

// TestRecord: who has signed in is asked once, and the record is for its owner alone.
func TestRecord(t *testing.T) {
	file := filepath.Join(t.TempDir(), "below", "record.json")
	if _, known := readRecord(file); known {
		t.Error("there is a record that nobody wrote")
	}
	p := &person{}
	c := &remembering{asker: p, file: file}
	for range 2 {
		if token, err := c.GetToken(t.Context(), policy.TokenRequestOptions{}); err != nil || token.Token != "token" {
			t.Fatal(token, err)
		}
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the record is %v, %v", info, err)
	}
	got, known := readRecord(file)
	if p.asked != 1 || !known || got.Username != "anna@corp.example" {
		t.Errorf("asked %d times; the record is %+v", p.asked, got)
	}
	if err := os.WriteFile(file, []byte("{torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, known := readRecord(file); known {
		t.Error("what cannot be read counts as a record")
	}
}

// TestRecordNowhere: who cannot keep a record is signed in all the same.
func TestRecordNowhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := &remembering{asker: &person{}, file: filepath.Join(file, "record.json")}
	if token, err := c.GetToken(t.Context(), policy.TokenRequestOptions{}); err != nil || token.Token != "token" {
		t.Error(token, err)
	}
}

func TestPersonsAreAskedInTwoWays(t *testing.T) {
	for _, m := range []Method{Browser, DeviceCode} {
		if _, err := PersonCredential(Person{Method: m, Client: "not an id"}); err == nil || !m.Interactive() {
			t.Errorf("%s without an app: %v", m, err)
		}
		c, err := PersonCredential(Person{Method: m, Client: "11111111-0000-4000-8000-000000000001", Record: filepath.Join(t.TempDir(), "r.json")})
		if err != nil {
			t.Fatal(err)
		}
		if _, is := c.(*explained).TokenCredential.(*remembering); !is {
			t.Errorf("%s is not remembered", m)
		}
	}
}
