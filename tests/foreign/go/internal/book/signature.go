package book

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"

	"iuran.invalid/foreign/internal/canon"
)

// platform is what the operator's acts have said of a platform so far.
type platform struct {
	key        []byte
	signedOnly bool
}

// signature checks an event against the key that its platform has registered by then: the platform can't deny what it
// signed, and nobody can invent what it did not.
func (b *Book) signature(index int64, entry *Entry, name string) {
	if entry.Kind == "platform" {
		b.register(index, entry)
		return
	}
	signer, ok := b.platforms[name]
	if !ok || signer.key == nil {
		if entry.Cause.Signature != "" {
			b.Add("L4", index, "platform signature: expected none, as no key is registered, got one")
		}
		return
	}
	if entry.Cause.Signature == "" {
		if signer.signedOnly {
			b.Add("L4", index, "platform signature: expected the platform's, which signs all its events, got none")
		}
		return
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(entry.Cause.Signature)
	if err != nil || len(signature) != ed25519.SignatureSize {
		b.Add("L4", index, "platform signature: expected 64 bytes in base64, got something else")
		return
	}
	message, err := signedBytes(entry)
	if err != nil || !ed25519.Verify(signer.key, message, signature) {
		b.Add("L4", index, "platform signature: expected the platform's over this event, got one that is not")
		return
	}
	b.Signed++
}

func (b *Book) register(index int64, entry *Entry) {
	var changed struct {
		Platform   string
		SigningKey string `json:"signing_key"`
		SignedOnly *bool  `json:"signed_only"`
	}
	if err := json.Unmarshal(entry.Event.Data, &changed); err != nil {
		b.Add("L4", index, "platform: %v", err)
		return
	}
	name := changed.Platform
	known := b.platforms[name]
	if changed.SigningKey != "" {
		key, err := base64.StdEncoding.Strict().DecodeString(changed.SigningKey)
		if err != nil || len(key) != ed25519.PublicKeySize {
			b.Add("L4", index, "platform: expected a signing key of 32 bytes in base64, got something else")
			return
		}
		known.key = key
	}
	if changed.SignedOnly != nil {
		known.signedOnly = *changed.SignedOnly
	}
	b.platforms[name] = known
}

// signedBytes gives `iuran-event/v1`, a newline, and the canonical event without what the broker added.
func signedBytes(entry *Entry) ([]byte, error) {
	data, err := canon.Read(entry.Event.Data)
	if err != nil {
		return nil, err
	}
	event, err := canon.Write(map[string]any{
		"id": entry.Cause.ID, "source": entry.Cause.Source, "type": entry.Event.Type,
		"subject": entry.Event.Subject, "time": entry.Event.Time, "data": data,
	})
	return append([]byte("iuran-event/v1\n"), event...), err
}
