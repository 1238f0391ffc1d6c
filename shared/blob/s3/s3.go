// Package s3 is a blob.Store in a bucket of Amazon S3, or of a server that speaks
// its protocol and keeps its promises: read after write, and conditional writes
// (If-None-Match and If-Match on PutObject). A server that ignores conditions,
// as some small ones do, loses what two planners write at once.
//
// It speaks by Amazon's SDK and knows nothing of what the bytes mean. A tag is an
// object's ETag, as a rule the MD5 of its bytes. The bucket must exist: names of
// buckets are the whole world's, so none is made on the way.
//
// A request that fails in transit, or with a status that says "try again", is
// made up to four times within the caller's context. So a conditional put may
// have taken effect at a try whose answer was lost; the next try then finds
// its own write and Put returns blob.ErrConflict, as if it were somebody else's.
// Whoever puts on a condition must be able to recognise what is his.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	aws3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"groupwriteback/shared/blob"
)

// Open returns the store in where, <bucket>[/<prefix>]. Region and credentials
// are those of the usual AWS environment: variables, shared files, and the role
// of the function, task or machine. They need s3:GetObject, s3:PutObject and
// s3:DeleteObject on the objects, and s3:ListBucket on the bucket, without which
// S3 does not say whether an object is absent. endpoint is the URL of another
// server, which is then asked by path; empty for Amazon's. client carries the
// requests to S3; nil stands for one that the AWS environment configures too
// (AWS_CA_BUNDLE). Open makes no request.
func Open(ctx context.Context, where, endpoint string, client *http.Client) (blob.Store, error) {
	bucket, prefix, _ := strings.Cut(where, "/")
	if bucket == "" {
		return nil, errors.New("no bucket is named: write <bucket> or <bucket>/<prefix>")
	}
	c, err := config.LoadDefaultConfig(ctx, config.WithRetryer(retryer),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(tryTime)))
	if err != nil {
		return nil, fmt.Errorf("read AWS environment: %w", err)
	}
	if c.Region == "" {
		return nil, errors.New("no AWS region is configured: set AWS_REGION (for a server of another kind, us-east-1 will mostly do)")
	}
	s3 := aws3.NewFromConfig(c, func(o *aws3.Options) {
		o.DisableLogOutputChecksumValidationSkipped = true // it would be a line for each object without checksum
		if endpoint != "" {
			o.BaseEndpoint, o.UsePathStyle = &endpoint, true
		}
		if client != nil {
			impatient := *client
			impatient.Timeout = tryTime
			o.HTTPClient = &impatient
		}
	})
	return blob.Below(&store{s3, bucket}, strings.TrimSuffix(prefix, "/"))
}

// tries is how often a request is made, each time for tryTime at most: the SDK
// alone would wait for ever.
const (
	tries   = 4
	tryTime = 20 * time.Second
)

func retryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = tries, 5*time.Second })
}

type store struct {
	s3     *aws3.Client
	bucket string
}

// Get reads an object. The SDK tries again until an answer begins; one that is
// cut later is asked for again here.
func (s *store) Get(ctx context.Context, key string) (data []byte, tag blob.Tag, err error) {
	if err := blob.CheckKey(key); err != nil {
		return nil, "", err
	}
	for range tries {
		var cut bool
		if data, tag, cut, err = s.get(ctx, key); !cut || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return nil, "", fmt.Errorf("get %s: %w", key, explain(err))
	}
	return data, tag, nil
}

// get reads an object once; cut says that it began to come and did not arrive.
func (s *store) get(ctx context.Context, key string) (data []byte, tag blob.Tag, cut bool, err error) {
	r, err := s.s3.GetObject(ctx, &aws3.GetObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		return nil, "", false, err
	}
	defer r.Body.Close()
	if data, err = io.ReadAll(r.Body); err != nil {
		return nil, "", true, err
	}
	tag, err = tagOf(r.ETag)
	return data, tag, false, err
}

func (s *store) Put(ctx context.Context, key string, data []byte, old blob.Tag) (blob.Tag, error) {
	if err := blob.CheckKey(key); err != nil {
		return "", err
	}
	in := &aws3.PutObjectInput{Bucket: &s.bucket, Key: &key, Body: bytes.NewReader(data)}
	switch old {
	case blob.Any:
	case blob.Absent:
		in.IfNoneMatch = aws.String("*")
	default:
		in.IfMatch = aws.String(string(old))
	}
	r, err := s.s3.PutObject(ctx, in)
	switch {
	case isConflict(err), isAbsent(err) && in.IfMatch != nil:
		return "", fmt.Errorf("put %s: %w", key, blob.ErrConflict)
	case err != nil:
		return "", fmt.Errorf("put %s: %w", key, explain(err))
	}
	tag, err := tagOf(r.ETag)
	if err != nil {
		return "", fmt.Errorf("put %s: %w", key, err)
	}
	return tag, nil
}

func tagOf(tag *string) (blob.Tag, error) {
	if tag == nil || *tag == "" {
		return "", errors.New("the answer has no ETag")
	}
	return blob.Tag(*tag), nil
}

func (s *store) List(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	pages := aws3.NewListObjectsV2Paginator(s.s3, &aws3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", prefix, explain(err))
		}
		for _, o := range page.Contents {
			if k := aws.ToString(o.Key); blob.CheckKey(k) == nil { // a console's "folder" ends in a slash
				keys = append(keys, k)
			}
		}
	}
	slices.Sort(keys) // directory buckets have an order of their own
	return keys, nil
}

func (s *store) Delete(ctx context.Context, key string) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	_, err := s.s3.DeleteObject(ctx, &aws3.DeleteObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil && !isAbsent(err) { // some servers mind
		return fmt.Errorf("delete %s: %w", key, explain(err))
	}
	return nil
}
