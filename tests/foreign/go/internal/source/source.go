// Package source reads a log's files from a folder or over HTTP: the paths are the same (c2sp.org/tlog-tiles).
package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// bytesMax is more than the largest file there can be: 256 entries of 65,535 bytes with their lengths.
const bytesMax = 256*(2+65535) + 1

var nextPage = regexp.MustCompile(`^<(\?[^<>]*)>; rel="next"$`)

// ErrNone says that there is no such file.
var ErrNone = errors.New("expected a file, got none")

// Source gives the bytes of a path below a ledger's address.
type Source interface {
	Read(path string) ([]byte, error)
}

// Open gives the source at a place: a URL prefix, or a folder. The token, if any, is sent to the URL's host only.
func Open(place, token string) Source {
	if strings.HasPrefix(place, "http://") || strings.HasPrefix(place, "https://") {
		return web{strings.TrimRight(place, "/"), token, &http.Client{Timeout: 60 * time.Second}}
	}
	return folder(place)
}

type folder string

func (f folder) Read(path string) ([]byte, error) {
	file, err := os.Open(filepath.Join(string(f), filepath.FromSlash(path)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", path, ErrNone)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return all(path, file)
}

type web struct {
	prefix, token string
	client        *http.Client
}

// Read gives a file, which may come in pages: each names the next one by its query (RFC 8288, rel="next").
func (w web) Read(path string) ([]byte, error) {
	var whole []byte
	for query := ""; ; {
		content, next, err := w.page(path, query)
		if err != nil {
			return nil, err
		}
		whole = append(whole, content...)
		if next == "" || next == query || len(content) == 0 {
			return whole, nil
		}
		query = next
	}
}

func (w web) page(path, query string) (content []byte, next string, err error) {
	request, err := http.NewRequest(http.MethodGet, w.prefix+"/"+path+query, nil)
	if err != nil {
		return nil, "", err
	}
	if w.token != "" {
		request.Header.Set("Authorization", "Bearer "+w.token)
	}
	answer, err := w.client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		if link := nextPage.FindStringSubmatch(answer.Header.Get("Link")); link != nil {
			next = link[1]
		}
		content, err = all(path, answer.Body)
		return content, next, err
	case http.StatusNotFound:
		return nil, "", fmt.Errorf("%s: %w", path, ErrNone)
	}
	return nil, "", fmt.Errorf("%s: expected status 200, got %s", path, answer.Status)
}

func all(path string, reader io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(reader, bytesMax+1))
	if err == nil && len(content) > bytesMax {
		err = fmt.Errorf("%s: expected at most %d bytes, got more", path, bytesMax)
	}
	return content, err
}
