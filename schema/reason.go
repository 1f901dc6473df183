package schema

import (
	"iter"
	"math/bits"
)

// Reason is why an application was rejected. The set is closed: a code, once
// published, keeps its meaning for ever and is never used for another one.
type Reason uint8

// The reasons. Their codes are the names in snake case; see [Reason.Code].
const (
	ReasonCivilIDInvalid Reason = iota + 1
	ReasonIdentityMismatch
	ReasonResidencyUnknown
	ReasonArticleMismatch
	ReasonSponsorMismatch
	ReasonArticleNotRenewable
	ReasonWindowNotOpen
	ReasonResidencyExpired
	ReasonPassportMismatch
	ReasonPassportExpired
	ReasonPassportTooShort
	ReasonMonthsOverLimit
	ReasonMonthsNotOffered
	ReasonFeeMissing
	ReasonFeeMismatch
	ReasonInsuranceMissing
	ReasonInsuranceShort
	ReasonApplicationConflict
	ReasonSubmissionTimeImplausible
	ReasonFeePaidAfterSubmission
	ReasonReceiptUsed
	ReasonNoPolicy
	ReasonNoPrice
	ReasonPeriodOver
)

// reasonText is a reason's code and what it says to a person.
type reasonText struct{ code, en, ar string }

var reasonTexts = [...]reasonText{
	ReasonCivilIDInvalid: {
		"civil_id_invalid",
		"The Civil ID is not a valid number: its birth date or check digit is wrong.",
		"الرقم المدني غير صحيح: تاريخ الميلاد أو رقم التحقق فيه خاطئ.",
	},
	ReasonIdentityMismatch: {
		"identity_mismatch",
		"The register has no resident with this Civil ID and this passport or sponsor: check all three.",
		"لا يوجد في السجل مقيم بهذا الرقم المدني مع جواز السفر أو الكفيل المذكورين: يرجى التحقق من البيانات الثلاثة.",
	},
	ReasonResidencyUnknown: {
		"residency_unknown",
		"The register has no residency for this resident.",
		"لا توجد في السجل إقامة لهذا المقيم.",
	},
	ReasonArticleMismatch: {
		"article_mismatch",
		"The residency is held under another article than the application states.",
		"الإقامة مسجلة على مادة غير المادة المذكورة في الطلب.",
	},
	ReasonSponsorMismatch: {
		"sponsor_mismatch",
		"The residency is held with another sponsor than the application states.",
		"الإقامة مسجلة على كفيل غير الكفيل المذكور في الطلب.",
	},
	ReasonArticleNotRenewable: {
		"article_not_renewable",
		"Residencies of this article cannot be renewed by this service.",
		"لا يمكن تجديد إقامات هذه المادة عبر هذه الخدمة.",
	},
	ReasonWindowNotOpen: {
		"window_not_open",
		"It is too early: renewal opens shortly before the residency expires.",
		"الوقت مبكر: يفتح باب التجديد قبيل انتهاء الإقامة.",
	},
	ReasonResidencyExpired: {
		"residency_expired",
		"The residency has expired, and this service knows no fine for the delay: settle it at a residency office.",
		"انتهت صلاحية الإقامة، ولا تتوفر لدى هذه الخدمة غرامة التأخير: يرجى تسويتها في إدارة شؤون الإقامة.",
	},
	ReasonPassportMismatch: {
		"passport_mismatch",
		"The passport is not the one in the register: its data must be updated first.",
		"جواز السفر ليس المسجل في السجل: يجب تحديث بياناته أولاً.",
	},
	ReasonPassportExpired: {
		"passport_expired",
		"The passport has expired.",
		"انتهت صلاحية جواز السفر.",
	},
	ReasonPassportTooShort: {
		"passport_too_short",
		"The passport is not valid for the whole period asked for.",
		"صلاحية جواز السفر لا تغطي كامل المدة المطلوبة.",
	},
	ReasonMonthsOverLimit: {
		"months_over_limit",
		"The period asked for is longer than the article allows.",
		"المدة المطلوبة أطول مما تسمح به المادة.",
	},
	ReasonMonthsNotOffered: {
		"months_not_offered",
		"Residencies of this article are renewed for whole years.",
		"تُجدد إقامات هذه المادة لسنوات كاملة.",
	},
	ReasonFeeMissing: {
		"fee_missing",
		"No payment of the fee is stated.",
		"لم يُذكر دفع الرسوم.",
	},
	ReasonFeeMismatch: {
		"fee_mismatch",
		"The amount paid is not what this renewal costs: the fee, and the fine of a late renewal.",
		"المبلغ المدفوع لا يساوي تكلفة هذا التجديد: الرسوم، وغرامة التأخير إن وجدت.",
	},
	ReasonInsuranceMissing: {
		"insurance_missing",
		"No health insurance is stated.",
		"لم يُذكر ضمان صحي.",
	},
	ReasonInsuranceShort: {
		"insurance_short",
		"The health insurance does not cover the whole period asked for.",
		"الضمان الصحي لا يغطي كامل المدة المطلوبة.",
	},
	ReasonApplicationConflict: {
		"application_conflict",
		"Another application was already submitted under this application_id; it stays as it was.",
		"سبق تقديم طلب آخر بالمعرّف نفسه، ويبقى الطلب الأول كما هو.",
	},
	ReasonSubmissionTimeImplausible: {
		"submission_time_implausible",
		"The stated time of submission is too far from the time at which the application was received.",
		"وقت التقديم المذكور بعيد جداً عن وقت استلام الطلب.",
	},
	ReasonFeePaidAfterSubmission: {
		"fee_paid_after_submission",
		"The stated payment is later than the submission: the fee is paid first.",
		"الدفع المذكور لاحق لتقديم الطلب: تُدفع الرسوم قبل التقديم.",
	},
	ReasonReceiptUsed: {
		"receipt_used",
		"This receipt has already paid for another renewal: pay the fee of this one and state its receipt.",
		"سبق استخدام هذا الإيصال لتجديد آخر: يرجى دفع رسوم هذا الطلب وذكر إيصاله.",
	},
	ReasonNoPolicy: {
		"no_policy",
		"This service knows no rules for the day of the submission: apply at a residency office.",
		"لا تتوفر لدى هذه الخدمة قواعد ليوم تقديم الطلب: يرجى مراجعة إدارة شؤون الإقامة.",
	},
	ReasonNoPrice: {
		"no_price",
		"This service knows no fee for this residency with this sponsor: apply at a residency office.",
		"لا تتوفر لدى هذه الخدمة رسوم لهذه الإقامة مع هذا الكفيل: يرجى مراجعة إدارة شؤون الإقامة.",
	},
	ReasonPeriodOver: {
		"period_over",
		"The period asked for would be over already: it runs from the expiry. Ask for more months.",
		"المدة المطلوبة تكون قد انقضت لأنها تبدأ من تاريخ انتهاء الإقامة: يرجى طلب مدة أطول.",
	},
}

// AllReasons returns the closed set, in its order.
func AllReasons() []Reason {
	all := make([]Reason, 0, len(reasonTexts)-1)
	for r := ReasonCivilIDInvalid; int(r) < len(reasonTexts); r++ {
		all = append(all, r)
	}
	return all
}

// Code returns the reason's stable code, for machines.
func (r Reason) Code() string { return reasonTexts[r].code }

// English returns what the reason says, in English.
func (r Reason) English() string { return reasonTexts[r].en }

// Arabic returns what the reason says, in Arabic.
func (r Reason) Arabic() string { return reasonTexts[r].ar }

// ParseReason returns the reason of a code.
func ParseReason(code string) (Reason, bool) {
	for r := 1; r < len(reasonTexts); r++ {
		if reasonTexts[r].code == code {
			return Reason(r), true
		}
	}
	return 0, false
}

// Reasons is a set of reasons, a bit for each. An application is told all that is wrong
// with it at once.
type Reasons uint64

// With a 64th reason this does not compile: its bit, and those of all after it, would be
// lost without an error. Widen [Reasons] then.
const _ = uint(64 - len(reasonTexts)) // bit 0 is no reason's

// Add puts a reason into the set.
func (s *Reasons) Add(r Reason) { *s |= 1 << r }

// Has says whether the set holds a reason.
func (s Reasons) Has(r Reason) bool { return s&(1<<r) != 0 }

// Len returns the number of reasons in the set.
func (s Reasons) Len() int { return bits.OnesCount64(uint64(s)) }

// All yields the reasons in the set's order.
func (s Reasons) All() iter.Seq[Reason] {
	return func(yield func(Reason) bool) {
		for left := uint64(s); left != 0; left &= left - 1 {
			if !yield(Reason(bits.TrailingZeros64(left))) {
				return
			}
		}
	}
}

// Codes returns the codes in the set's order.
func (s Reasons) Codes() []string {
	codes := make([]string, 0, s.Len())
	for r := range s.All() {
		codes = append(codes, r.Code())
	}
	return codes
}
