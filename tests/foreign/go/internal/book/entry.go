package book

import "encoding/json"

// Entry is what an auditor needs of one leaf (contracts/formats/entry.md); members not named here are left unread.
type Entry struct {
	Format  string
	Journal int
	Index   int64
	Kind    string
	Worker  string
	Cause   struct {
		Topic     string
		Partition int
		Offset    int64
		SHA256    string `json:"sha256"`
		Source    string
		ID        string `json:"id"`
		Part      [2]int
		Since     struct{ Duplicates, Gap int64 }
		Signature string
	}
	Event *struct {
		Type    string
		Subject string
		Time    string
		Data    json.RawMessage
	}
	Contributions []struct {
		Scheme, Fund, Unit, Payer, State string
		Amount                           int64
	}
	Balances []struct {
		Scheme, Fund, Unit                                   string
		Accrued, Credit, Drawn, Remitted, Returned, Withheld int64
	}
	RefersTo  []int64 `json:"refers_to"`
	Rejection *struct{ Code string }
}

// worker gives whose balances an entry shows, "" if it shows none.
func (e *Entry) worker() string {
	switch {
	case e.Balances == nil:
		return ""
	case e.Worker != "":
		return e.Worker
	case e.Event != nil:
		return e.Event.Subject
	}
	return ""
}

// Opening is what entry 0 says of the ledger.
type Opening struct {
	Ledger   string
	Journal  int
	Journals int
	VKeys    []string `json:"vkeys"`
	Own      []string
}
