package s3_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/blob/s3"
)

// TestErrorTexts are the errors that a person meets, to the letter.
func TestErrorTexts(t *testing.T) {
	environment(t)
	for _, c := range []struct {
		name   string
		status int
		code   string
		remedy string
	}{
		{"no bucket", 404, "NoSuchBucket", "the bucket does not exist: make it, or correct its name"},
		{"no permission", 403, "AccessDenied", "allow s3:GetObject, s3:PutObject and s3:DeleteObject on the objects, and s3:ListBucket on the bucket"},
		{"other region", 301, "PermanentRedirect", "the bucket is in another region: set AWS_REGION"},
		{"unknown key", 403, "InvalidAccessKeyId", "the AWS credentials are wrong or have expired"},
		{"wrong key", 403, "SignatureDoesNotMatch", "the AWS credentials are wrong or have expired"},
		{"expired", 400, "ExpiredToken", "the AWS credentials are wrong or have expired"},
		{"clock", 403, "RequestTimeTooSkewed", "this machine's clock is wrong: set it"},
		{"encryption key", 403, "KMS.DisabledException", "the key that the bucket is encrypted with cannot be used: enable it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := s3.Open(t.Context(), "bucket", "", &http.Client{Transport: &blobtest.Script{Answers: []blobtest.Answer{refuse(c.status, c.code)}}})
				if err != nil {
					t.Fatal(err)
				}
				want := fmt.Sprintf("get head: %s: operation error S3: GetObject, https response error StatusCode: %d, RequestID: , HostID: , api error %s: m", c.remedy, c.status, c.code)
				if err := get(t.Context(), s); err == nil || err.Error() != want {
					t.Errorf("error is\n%v\nwant\n%s", err, want)
				}
			})
		})
	}
}
