package s3_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/blob/s3"
)

// refuse is an answer with one of S3's error codes; ok is one without body.
func refuse(status int, code string) blobtest.Answer {
	return blobtest.Respond(status, "Content-Type", "application/xml", fmt.Sprintf("<Error><Code>%s</Code><Message>m</Message></Error>", code))
}

var ok = blobtest.Respond(http.StatusOK, "ETag", `"1"`, "")

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

func environment(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
}

// TestFaults: what each answer of the service means, and after how many requests
// and how long. The time is a bubble's: nobody waits.
func TestFaults(t *testing.T) {
	environment(t)
	type answers []blobtest.Answer
	for name, c := range map[string]struct {
		request func(context.Context, blob.Store) error
		answers answers
		want    error  // errors.Is
		text    string // part of the error
		tries   int
		within  time.Duration
	}{
		"create what exists":    {put(blob.Absent), answers{refuse(412, "PreconditionFailed")}, blob.ErrConflict, "", 1, 0},
		"stale tag":             {put(`"1"`), answers{refuse(412, "PreconditionFailed")}, blob.ErrConflict, "", 1, 0},
		"two at once":           {put(`"1"`), answers{refuse(409, "ConditionalRequestConflict")}, blob.ErrConflict, "", 1, 0},
		"tag of what is gone":   {put(`"1"`), answers{refuse(404, "NoSuchKey")}, blob.ErrConflict, "", 1, 0},
		"bucket is gone":        {put(`"1"`), answers{refuse(404, "NoSuchBucket")}, nil, "the bucket does not exist", 1, 0},
		"another 409":           {put(`"1"`), answers{refuse(409, "InvalidBucketState")}, nil, "InvalidBucketState", 1, 0},
		"no right":              {put(blob.Any), answers{refuse(403, "AccessDenied")}, nil, "allow s3:GetObject", 1, 0},
		"no tag in the answer":  {put(blob.Any), answers{blobtest.Respond(200, "X", "", "")}, nil, "no ETag", 1, 0},
		"lost answer, done":     {put(blob.Absent), answers{blobtest.Cut, refuse(412, "PreconditionFailed")}, blob.ErrConflict, "", 2, 10 * time.Second},
		"lost answer, not done": {put(blob.Absent), answers{blobtest.Cut, ok}, nil, "", 2, 10 * time.Second},
		"busy, then done":       {put(`"1"`), answers{refuse(503, "SlowDown"), ok}, nil, "", 2, 10 * time.Second},
		"broken for good":       {put(`"1"`), answers{refuse(500, "InternalError")}, nil, "InternalError", 4, 20 * time.Second},
		"cut for good":          {put(`"1"`), answers{blobtest.Cut}, nil, "unexpected EOF", 4, 20 * time.Second},
		"no answer":             {put(`"1"`), answers{blobtest.Hang}, context.DeadlineExceeded, "", 4, 100 * time.Second},
		"get nothing":           {get, answers{refuse(404, "NoSuchKey")}, fs.ErrNotExist, "", 1, 0},
		"get from no bucket":    {get, answers{refuse(404, "NoSuchBucket")}, nil, "the bucket does not exist", 1, 0},
		"get without right":     {get, answers{refuse(403, "AccessDenied")}, nil, "s3:ListBucket", 1, 0},
		"get when broken":       {get, answers{refuse(500, "InternalError")}, nil, "InternalError", 4, 20 * time.Second},
		"wrong region":          {get, answers{refuse(301, "PermanentRedirect")}, nil, "set AWS_REGION", 1, 0},
		"wrong key":             {get, answers{refuse(403, "SignatureDoesNotMatch")}, nil, "credentials are wrong", 1, 0},
		"list when broken":      {list, answers{refuse(500, "InternalError")}, nil, "InternalError", 4, 20 * time.Second},
		"delete nothing":        {remove, answers{refuse(404, "NoSuchKey")}, nil, "", 1, 0},
		"delete when broken":    {remove, answers{refuse(500, "InternalError")}, nil, "InternalError", 4, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				script := &blobtest.Script{Answers: c.answers}
				s, err := s3.Open(t.Context(), "bucket", "", &http.Client{Transport: script})
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

// TestTorn: an object whose answer is cut is asked for again, and never half.
func TestTorn(t *testing.T) {
	environment(t)
	torn, whole := blobtest.Torn(http.StatusOK, "ETag", `"1"`, "12345678"), blobtest.Respond(http.StatusOK, "ETag", `"1"`, "12345678")
	for name, c := range map[string]struct {
		second blobtest.Answer
		want   string
		tries  int
	}{
		"comes at the second try": {whole, "12345678", 2},
		"is gone by then":         {refuse(404, "NoSuchKey"), "", 2},
		"stays cut":               {torn, "", 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			script := &blobtest.Script{Answers: []blobtest.Answer{torn, c.second}}
			s, err := s3.Open(t.Context(), "bucket", "", &http.Client{Transport: script})
			if err != nil {
				t.Fatal(err)
			}
			data, _, err := s.Get(t.Context(), "head")
			if string(data) != c.want || (err == nil) != (c.want != "") || script.Tries() != c.tries {
				t.Errorf("%s: %q, %v after %d requests; want %q after %d", name, data, err, script.Tries(), c.want, c.tries)
			}
		})
	}
}

// TestLostPut: against a real server, a put that takes effect and whose answer
// is lost looks like somebody else's: the doc comment's promise.
func TestLostPut(t *testing.T) {
	v := start(t)
	open := func(answers ...blobtest.Answer) blob.Store {
		s, err := s3.Open(t.Context(), v.Bucket, v.URL, &http.Client{Transport: &blobtest.Script{Answers: answers}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	pass := blobtest.Pass(http.DefaultTransport)
	blobtest.LostPut(t, open(pass), func() blob.Store { return open(blobtest.Lost(http.DefaultTransport), pass) })
}
