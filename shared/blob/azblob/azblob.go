// Package azblob is a blob.Store in a container of Azure Blob Storage.
//
// It speaks by Microsoft's SDK and knows nothing of what the bytes mean. An
// object is a block blob of the same name; a tag is its ETag, which Azure
// changes at each write, also of the same bytes. The container is made by the
// first request that does not find it, if the identity may.
//
// A request that fails in transit, or with a status that says "try again", is
// made up to four times within the caller's context. So a conditional put may
// have taken effect at a try whose answer was lost; the next try then finds
// its own write and Put returns blob.ErrConflict, as if it were somebody else's.
// Whoever puts on a condition must be able to recognise what is his.
package azblob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	azure "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"groupwriteback/shared/blob"
)

// DefaultContainer is the container that Connect takes where none is named.
const DefaultContainer = "groupwriteback"

// Open returns the store at a URL, https://<account>.blob.core.windows.net/<container>
// with a prefix below it if wanted, for whoever the credential signs in. The role
// that it needs is Storage Blob Data Contributor, on the container or the account.
// client carries the requests; nil stands for one of the SDK's own. Open makes
// no request.
func Open(containerURL string, credential azcore.TokenCredential, client *http.Client) (blob.Store, error) {
	containerURL, prefix, err := split(containerURL)
	if err != nil {
		return nil, err
	}
	c, err := container.NewClient(containerURL, credential, options(client))
	if err != nil {
		return nil, fmt.Errorf("open container: %w", err)
	}
	return blob.Below(&store{c}, prefix)
}

// split takes the prefix off a container's URL.
func split(containerURL string) (bare, prefix string, err error) {
	u, err := url.Parse(containerURL)
	switch {
	case err != nil: // which repeats the URL, and with it a signature
		return "", "", errors.New("the container URL is none: write https://<account>.blob.core.windows.net/<container>")
	case u.RawQuery != "" || u.User != nil:
		return "", "", errors.New("the container URL must hold no key and no signature: use a connection string for those")
	case u.Scheme != "https":
		return "", "", errors.New("the container URL must begin with https://: tokens are not sent in the clear")
	}
	parts, err := azure.ParseURL(containerURL)
	if err != nil {
		return "", "", fmt.Errorf("container URL: %w", err)
	}
	if parts.ContainerName == "" {
		return "", "", errors.New("the container URL names no container: write https://<account>.blob.core.windows.net/<container>")
	}
	prefix, parts.BlobName = strings.TrimSuffix(parts.BlobName, "/"), ""
	return parts.String(), prefix, nil
}

// Connect returns the store in an account that a connection string gives access
// to, by key or by shared access signature: for Azurite, and where identities
// cannot be had. where is <container>[/<prefix>]; the container is DefaultContainer
// if where is empty. client and requests are as with Open.
func Connect(connection, where string, client *http.Client) (blob.Store, error) {
	name, prefix, _ := strings.Cut(where, "/")
	if name == "" {
		name = DefaultContainer
	}
	c, err := container.NewClientFromConnectionString(connection, name, options(client))
	if err != nil {
		return nil, fmt.Errorf("open container by connection string: %w", err)
	}
	return blob.Below(&store{c}, strings.TrimSuffix(prefix, "/"))
}

// options bound the SDK's retries: four tries, of 20 s each, within some 5 s of
// waiting; a server that asks for a longer wait is not waited for. The next turn
// goes on.
func options(client *http.Client) *container.ClientOptions {
	o := &container.ClientOptions{ClientOptions: policy.ClientOptions{
		Retry:     policy.RetryOptions{MaxRetries: 3, TryTimeout: 20 * time.Second, RetryDelay: 200 * time.Millisecond, MaxRetryDelay: 5 * time.Second},
		Telemetry: policy.TelemetryOptions{ApplicationID: "groupwriteback"},
	}}
	if client != nil {
		o.Transport = client
	}
	return o
}

type store struct{ container *container.Client }

func (s *store) Get(ctx context.Context, key string) (data []byte, tag blob.Tag, err error) {
	err = s.object(ctx, "get", key, func() error {
		r, err := s.container.NewBlobClient(key).DownloadStream(ctx, nil)
		if err != nil {
			return err
		}
		// Goes on where a connection was cut, if the object is still the same.
		body := r.NewRetryReader(ctx, nil)
		defer body.Close()
		if data, err = io.ReadAll(body); err != nil {
			return err
		}
		tag, err = tagOf(r.ETag)
		return err
	})
	if err != nil {
		return nil, "", err // no half of an object
	}
	return data, tag, nil
}

func (s *store) Put(ctx context.Context, key string, data []byte, old blob.Tag) (tag blob.Tag, err error) {
	err = s.object(ctx, "put", key, func() error {
		r, err := s.container.NewBlockBlobClient(key).Upload(ctx, streaming.NopCloser(bytes.NewReader(data)),
			&blockblob.UploadOptions{AccessConditions: condition(old)})
		switch {
		case isConflict(err), isAbsent(err) && old != blob.Absent && old != blob.Any:
			return blob.ErrConflict
		case err != nil:
			return err
		}
		tag, err = tagOf(r.ETag)
		return err
	})
	return tag, err
}

// condition says what a put asks of the object that is there.
func condition(old blob.Tag) *azure.AccessConditions {
	tag := azcore.ETag(old)
	switch old {
	case blob.Any:
		return nil
	case blob.Absent:
		tag = azcore.ETagAny
		return &azure.AccessConditions{ModifiedAccessConditions: &azure.ModifiedAccessConditions{IfNoneMatch: &tag}}
	}
	return &azure.AccessConditions{ModifiedAccessConditions: &azure.ModifiedAccessConditions{IfMatch: &tag}}
}

func tagOf(tag *azcore.ETag) (blob.Tag, error) {
	if tag == nil || *tag == "" {
		return "", errors.New("the answer has no ETag")
	}
	return blob.Tag(*tag), nil
}

func (s *store) List(ctx context.Context, prefix string) (keys []string, err error) {
	err = s.do(ctx, "list", prefix, func() error {
		keys, err = s.list(ctx, prefix)
		return err
	})
	slices.Sort(keys) // an account with a hierarchical namespace has an order of its own
	return keys, err
}

func (s *store) list(ctx context.Context, prefix string) (keys []string, err error) {
	pages := s.container.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Prefix: &prefix})
	for pages.More() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, item := range page.Segment.BlobItems {
			if isKey(item) {
				keys = append(keys, *item.Name)
			}
		}
	}
	return keys, nil
}

// isKey leaves out what cannot be ours. An account with a hierarchical namespace
// lists its directories too.
func isKey(item *container.BlobItem) bool {
	kind := item.Properties.ResourceType
	return blob.CheckKey(*item.Name) == nil && (kind == nil || *kind != "directory")
}

func (s *store) Delete(ctx context.Context, key string) error {
	return s.object(ctx, "delete", key, func() error {
		all := azure.DeleteSnapshotsOptionTypeInclude
		_, err := s.container.NewBlobClient(key).Delete(ctx, &azure.DeleteOptions{DeleteSnapshots: &all})
		if isAbsent(err) {
			return nil
		}
		return err
	})
}

// object makes a request about one object.
func (s *store) object(ctx context.Context, verb, key string, request func() error) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	return s.do(ctx, verb, key, request)
}

// do makes a request, once more if the container had to be made first, and says
// what went wrong.
func (s *store) do(ctx context.Context, verb, key string, request func() error) error {
	err := request()
	if bloberror.HasCode(err, bloberror.ContainerNotFound) {
		if err := s.create(ctx); err != nil {
			return fmt.Errorf("%s %s: %w", verb, key, err)
		}
		err = request()
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, key, explain(err))
	}
	return nil
}

// create makes the container, which another process may just have done.
func (s *store) create(ctx context.Context) error {
	_, err := s.container.Create(ctx, nil)
	if err == nil || bloberror.HasCode(err, bloberror.ContainerAlreadyExists) {
		return nil
	}
	return fmt.Errorf("the container does not exist, and cannot be made: %w", explain(err))
}
