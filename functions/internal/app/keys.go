package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"

	"groupwriteback/shared/relay"
)

// keys are a tenant's signing keys, read when the first token comes, when one is
// signed by a key that is not known, and each hour. jwkset reads and keeps one set
// of keys; when to read again is decided here, since its own client waits five
// minutes after a failure, says of a failure that the key is not known, and has
// callers wait for each other: strangers could spend the turn of the genuine.
//
// Microsoft publishes a key before it signs with it, and may change them at once
// in an emergency.
// https://learn.microsoft.com/entra/identity-platform/signing-key-rollover.
type keys struct {
	ctx    context.Context // ends what is under way
	url    string
	client *http.Client
	log    *slog.Logger

	mu     sync.Mutex
	known  keyfunc.Keyfunc // as they were read last; nil: never
	read   time.Time       // when that was
	failed error           // why the last reading failed
	wait   time.Duration   // after that
	next   time.Time       // and then none begins before
	asked  *rate.Limiter   // readings after one that did not fail
	busy   chan struct{}   // closed when the reading under way ends; nil: none is
}

// When keys are read.
const (
	keysFresh = time.Hour        // then they are read again, and count meanwhile
	keysEvery = 10 * time.Second // and no more often than this, whoever asks,
	keysBurst = 3                // but for as many in a row
	keysTime  = 10 * time.Second // for one reading
	keysRetry = time.Second      // after a failure; twice as long after each other one
	keysWorst = time.Minute
)

func newKeys(ctx context.Context, url string, client *http.Client, log *slog.Logger) *keys {
	return &keys{ctx: ctx, url: url, client: client, log: log, asked: rate.NewLimiter(rate.Every(keysEvery), keysBurst)}
}

// find is the key that a token says it is signed with. relay.ErrKeys: the keys
// cannot be read, and none of those that are known is this one.
func (k *keys) find(t *jwt.Token) (any, error) {
	known, fresh, _ := k.now()
	if known != nil && !fresh {
		k.again()
	}
	key, err := signedBy(known, t)
	if !errors.Is(err, jwkset.ErrKeyNotFound) {
		return key, err
	}
	<-k.again()
	known, _, failed := k.now()
	key, err = signedBy(known, t)
	switch {
	case !errors.Is(err, jwkset.ErrKeyNotFound):
		return key, err
	case failed != nil:
		return nil, fmt.Errorf("%w: %w", relay.ErrKeys, failed)
	}
	return nil, errors.New("the tenant publishes no key of the name that the token gives")
}

// now is what is known, whether it was read lately, and why the last reading failed.
func (k *keys) now() (known keyfunc.Keyfunc, fresh bool, failed error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known, time.Since(k.read) < keysFresh, k.failed
}

func signedBy(known keyfunc.Keyfunc, t *jwt.Token) (any, error) {
	if known == nil {
		return nil, jwkset.ErrKeyNotFound
	}
	return known.Keyfunc(t)
}

// again has the keys read, unless it is too soon, and returns what is closed when
// no reading is under way.
func (k *keys) again() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.busy != nil {
		return k.busy
	}
	done := make(chan struct{})
	if k.failed != nil && time.Now().Before(k.next) || k.failed == nil && !k.asked.Allow() {
		close(done)
		return done
	}
	k.busy = done
	go func() {
		defer close(done)
		known, err := k.fetch()
		if wait := k.keep(known, err); err != nil {
			k.log.Warn("signing keys were not read", "err", err, "again", wait)
		}
	}()
	return done
}

// fetch reads the keys once. A set without a key is none.
func (k *keys) fetch() (keyfunc.Keyfunc, error) {
	ctx, cancel := context.WithTimeout(k.ctx, keysTime)
	defer cancel()
	set, err := jwkset.NewStorageFromHTTP(k.url, jwkset.HTTPClientStorageOptions{Client: k.client, Ctx: ctx, HTTPTimeout: keysTime})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", k.url, err)
	}
	switch all, err := set.KeyReadAll(ctx); {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", k.url, err)
	case len(all) == 0:
		return nil, fmt.Errorf("read %s: the answer has no key", k.url)
	}
	return keyfunc.New(keyfunc.Options{Ctx: k.ctx, Storage: set})
}

// keep notes how a reading went. What was known stays known where it failed.
func (k *keys) keep(known keyfunc.Keyfunc, err error) (wait time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.busy, k.failed = nil, err
	if err != nil {
		k.wait = min(max(2*k.wait, keysRetry), keysWorst)
		k.next = time.Now().Add(k.wait)
		return k.wait
	}
	k.known, k.read, k.wait = known, time.Now(), 0
	return 0
}
