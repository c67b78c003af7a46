// Package canon writes JSON canonically (RFC 8785) where all numbers are integers, and tells whether bytes are that.
//
// encoding/json takes a member's name twice and keeps the last, and takes any white space; whoever audits must not, or
// two readers could see two entries under one hash.
package canon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"unicode/utf16"
)

// Check gives an error unless the bytes are the canonical form of what they say, with member names in lower case only:
// encoding/json does not tell `amount` from `Amount` when it fills a struct.
func Check(content []byte) error {
	value, err := Read(content)
	if err != nil {
		return err
	}
	written, err := Write(value)
	if err != nil {
		return err
	}
	if !bytes.Equal(written, content) {
		return errors.New("expected canonical JSON (RFC 8785), got another spelling")
	}
	return lower(value)
}

// Read gives the one value that the bytes hold, its numbers as they are written.
func Read(content []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("expected one value, got more")
	}
	return value, nil
}

func lower(value any) error {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			if err := lower(item); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, item := range v {
			if name != strings.ToLower(name) {
				return fmt.Errorf("member: expected a name in lower case, got %.40q", name)
			}
			if err := lower(item); err != nil {
				return err
			}
		}
	}
	return nil
}

// Write gives the canonical form of maps, lists, texts, json.Numbers (integers), booleans and nil.
func Write(value any) ([]byte, error) {
	var out bytes.Buffer
	err := write(&out, value)
	return out.Bytes(), err
}

func write(out *bytes.Buffer, value any) error {
	switch v := value.(type) {
	case nil:
		out.WriteString("null")
	case bool:
		fmt.Fprintf(out, "%t", v)
	case json.Number:
		n, err := v.Int64()
		if err != nil || n <= -(1<<53) || n >= 1<<53 {
			return fmt.Errorf("number: expected an integer below 2^53, got %s", v)
		}
		fmt.Fprintf(out, "%d", n)
	case string:
		text(out, v)
	case []any:
		out.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := write(out, item); err != nil {
				return err
			}
		}
		out.WriteByte(']')
	case map[string]any:
		return object(out, v)
	default:
		return fmt.Errorf("value: expected JSON, got %T", value)
	}
	return nil
}

func object(out *bytes.Buffer, members map[string]any) error {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool { return lessUTF16(names[i], names[j]) })
	out.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			out.WriteByte(',')
		}
		text(out, name)
		out.WriteByte(':')
		if err := write(out, members[name]); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return nil
}

// RFC 8785 sorts names by their UTF-16 code units, which is not the order of code points beyond U+FFFF.
func lessUTF16(a, b string) bool {
	x, y := utf16.Encode([]rune(a)), utf16.Encode([]rune(b))
	for i := 0; i < len(x) && i < len(y); i++ {
		if x[i] != y[i] {
			return x[i] < y[i]
		}
	}
	return len(x) < len(y)
}

func text(out *bytes.Buffer, s string) {
	out.WriteByte('"')
	for _, r := range s {
		if short := strings.IndexRune("\"\\\b\f\n\r\t", r); short >= 0 {
			out.WriteByte('\\')
			out.WriteByte(`"\bfnrt`[short])
		} else if r < 0x20 {
			fmt.Fprintf(out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
}
