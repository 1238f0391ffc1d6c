package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// asker is a credential that asks a person.
type asker interface {
	azcore.TokenCredential
	Authenticate(context.Context, *policy.TokenRequestOptions) (azidentity.AuthenticationRecord, error)
}

// remembering keeps in a file who has signed in. By that the library finds the person's tokens in its cache
// the next time. The record holds no secret.
type remembering struct {
	asker
	file string

	mu   sync.Mutex
	kept bool // the record is there
}

// GetToken implements azcore.TokenCredential.
func (r *remembering) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.kept {
		record, err := r.Authenticate(ctx, &o)
		if err != nil {
			return azcore.AccessToken{}, err
		}
		r.kept = true
		// Who cannot keep it asks again the next time: that is no reason to fail now.
		_ = keepRecord(r.file, record)
	}
	return r.asker.GetToken(ctx, o)
}

// readRecord is who has signed in before; false: nobody, or nobody can tell.
func readRecord(file string) (record azidentity.AuthenticationRecord, known bool) {
	data, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(data, &record) != nil {
		return azidentity.AuthenticationRecord{}, false
	}
	return record, record != (azidentity.AuthenticationRecord{})
}

// keepRecord writes a record, whole or not at all, for its owner's eyes alone.
func keepRecord(file string, record azidentity.AuthenticationRecord) error {
	data, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	part, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // 0600
	if err != nil {
		return fmt.Errorf("make record: %w", err)
	}
	_, err = part.Write(data)
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write record: %w", err), os.Remove(part.Name()))
	}
	return nil
}
