package azblob_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"groupwriteback/infra/stage/storage"
	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/azblob"
	"groupwriteback/shared/blob/blobtest"
)

// refuse is an answer with one of the service's error codes; ok is one without body.
func refuse(status int, code string) blobtest.Answer {
	return blobtest.Respond(status, "x-ms-error-code", code, "")
}

var ok = blobtest.Respond(http.StatusCreated, "ETag", `"1"`, "")

const connection = "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=a2V5;EndpointSuffix=core.windows.net"

// The requests of the table below.
func get(ctx context.Context, s blob.Store) error    { _, _, err := s.Get(ctx, "head"); return err }
func list(ctx context.Context, s blob.Store) error   { _, err := s.List(ctx, "in/"); return err }
func remove(ctx context.Context, s blob.Store) error { return s.Delete(ctx, "head") }
func put(old blob.Tag) func(context.Context, blob.Store) error {
	return func(ctx context.Context, s blob.Store) error {
		_, err := s.Put(ctx, "head", []byte("data"), old)
		return err
	}
}

// TestFaults: what each answer of the service means, and after how many requests
// and how long. The time is a bubble's: nobody waits.
func TestFaults(t *testing.T) {
	type answers []blobtest.Answer
	for name, c := range map[string]struct {
		request func(context.Context, blob.Store) error
		answers answers
		want    error  // errors.Is
		text    string // part of the error
		tries   int
		within  time.Duration
	}{
		"create what exists":          {put(blob.Absent), answers{refuse(409, "BlobAlreadyExists")}, blob.ErrConflict, "", 1, 0},
		"stale tag":                   {put(`"1"`), answers{refuse(412, "ConditionNotMet")}, blob.ErrConflict, "", 1, 0},
		"tag of what is gone":         {put(`"1"`), answers{refuse(404, "BlobNotFound")}, blob.ErrConflict, "", 1, 0},
		"code eaten on the way":       {put(`"1"`), answers{refuse(412, "")}, blob.ErrConflict, "", 1, 0},
		"container being deleted":     {put(blob.Absent), answers{refuse(409, "ContainerBeingDeleted")}, nil, "wait, or restore it", 1, 0},
		"blob under legal hold":       {put(`"1"`), answers{refuse(409, "BlobImmutableDueToPolicy")}, nil, "409 BlobImmutableDueToPolicy", 1, 0},
		"blob is leased":              {put(`"1"`), answers{refuse(412, "LeaseIdMissing")}, nil, "break it", 1, 0},
		"no right":                    {put(blob.Any), answers{refuse(403, "AuthorizationPermissionMismatch")}, nil, "Storage Blob Data Contributor", 1, 0},
		"no tag in the answer":        {put(blob.Any), answers{blobtest.Respond(201, "X", "", "")}, nil, "no ETag", 1, 0},
		"lost answer, done":           {put(blob.Absent), answers{blobtest.Cut, refuse(409, "BlobAlreadyExists")}, blob.ErrConflict, "", 2, 5 * time.Second},
		"lost answer, not done":       {put(blob.Absent), answers{blobtest.Cut, ok}, nil, "", 2, 5 * time.Second},
		"busy, then done":             {put(`"1"`), answers{refuse(503, "ServerBusy"), ok}, nil, "", 2, 5 * time.Second},
		"broken for good":             {put(`"1"`), answers{refuse(500, "InternalError")}, nil, "500 InternalError", 4, 10 * time.Second},
		"cut for good":                {put(`"1"`), answers{blobtest.Cut}, nil, "unexpected EOF", 4, 10 * time.Second},
		"no answer":                   {put(`"1"`), answers{blobtest.Hang}, context.DeadlineExceeded, "", 4, 90 * time.Second},
		"told to wait long":           {get, answers{blobtest.Respond(503, "Retry-After", "3600", "")}, nil, "503", 1, time.Second},
		"get nothing":                 {get, answers{refuse(404, "BlobNotFound")}, fs.ErrNotExist, "", 1, 0},
		"not found by somebody else":  {get, answers{refuse(404, "")}, nil, "404", 1, 0},
		"no container, may make it":   {get, answers{refuse(404, "ContainerNotFound"), ok, refuse(404, "BlobNotFound")}, fs.ErrNotExist, "", 3, 0},
		"no container, others did":    {get, answers{refuse(404, "ContainerNotFound"), refuse(409, "ContainerAlreadyExists"), refuse(404, "BlobNotFound")}, fs.ErrNotExist, "", 3, 0},
		"no container, may not":       {get, answers{refuse(404, "ContainerNotFound"), refuse(403, "AuthorizationFailure")}, nil, "the container does not exist, and cannot be made", 2, 0},
		"no container, twice":         {get, answers{refuse(404, "ContainerNotFound"), refuse(409, "ContainerAlreadyExists"), refuse(404, "ContainerNotFound")}, nil, "404 ContainerNotFound", 3, 0},
		"get when broken":             {get, answers{refuse(500, "InternalError")}, nil, "500 InternalError", 4, 10 * time.Second},
		"list when broken":            {list, answers{refuse(500, "InternalError")}, nil, "500 InternalError", 4, 10 * time.Second},
		"list without right":          {list, answers{refuse(403, "AuthorizationFailure")}, nil, "network rules", 1, 0},
		"delete nothing":              {remove, answers{refuse(404, "BlobNotFound")}, nil, "", 1, 0},
		"delete when broken":          {remove, answers{refuse(500, "InternalError")}, nil, "500 InternalError", 4, 10 * time.Second},
		"delete by a lost connection": {remove, answers{blobtest.Cut, refuse(404, "BlobNotFound")}, nil, "", 2, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				script := &blobtest.Script{Answers: c.answers}
				s, err := azblob.Connect(connection, "", &http.Client{Transport: script})
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				blobtest.CheckError(t, c.request(t.Context(), s), c.want, c.text)
				if took := time.Since(start); took > c.within || script.Tries() != c.tries {
					t.Errorf("%d requests in %s, want %d within %s", script.Tries(), took, c.tries, c.within)
				}
			})
		})
	}
}

// TestTorn: an object whose answer is cut is read to its end, or not at all.
func TestTorn(t *testing.T) {
	torn := blobtest.Torn(http.StatusOK, "ETag", `"1"`, "12345678")
	rest := blobtest.Respond(http.StatusPartialContent, "ETag", `"1"`, "5678")
	for name, c := range map[string]struct {
		second blobtest.Answer
		want   string
	}{
		"goes on where it was cut": {rest, "12345678"},
		"was replaced meanwhile":   {refuse(412, "ConditionNotMet"), ""},
		"stays cut":                {blobtest.Cut, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, err := azblob.Connect(connection, "", &http.Client{Transport: &blobtest.Script{Answers: []blobtest.Answer{torn, c.second}}})
			if err != nil {
				t.Fatal(err)
			}
			data, _, err := s.Get(t.Context(), "head")
			if string(data) != c.want || (err == nil) != (c.want != "") || errors.Is(err, blob.ErrConflict) {
				t.Errorf("%s: %q, %v; want %q", name, data, err, c.want)
			}
		})
	}
}

// TestLostPut: against a real server, a put that takes effect and whose answer
// is lost looks like somebody else's: the doc comment's promise.
func TestLostPut(t *testing.T) {
	var a storage.Azurite
	start(t, &a)
	open := func(answers ...blobtest.Answer) blob.Store {
		s, err := azblob.Connect(a.Connection, "", &http.Client{Transport: &blobtest.Script{Answers: answers}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	pass := blobtest.Pass(http.DefaultTransport)
	blobtest.LostPut(t, open(pass), func() blob.Store { return open(blobtest.Lost(http.DefaultTransport), pass) })
}
