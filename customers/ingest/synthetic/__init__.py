"""A telephone company made up from a seed: customers, twelve months of use, past campaigns, and the truth behind them.

    carrier = Carrier(seed=7)
    for batch in carrier.batches(customers=7000, size=5000):
        batch.customers, batch.usage, batch.outreach, batch.truth
    write_csv("carrier.csv", customers=7000, seed=7)

Made for demonstrations, benchmarks and tests. Its customers have the fields of the IBM Telco file and come close to its
published shares and ties; no row of that file is in here, only fitted chances (``parameters``). Reading order:
``carrier`` (the door), ``population``, ``causal``, ``outreach``, ``usage``, ``names``, ``randomness``.

**Deterministic.** Randomness comes from counter-based streams keyed by seed, block of 1,000 customers and subject
(``randomness``): customer ``i`` is the same whatever the number of customers, the batch size and the order of asking.

**The causal model**, in the order in which a customer's life is drawn. The code is in ``causal``; arrows are causes.

1. *Plan.* Household -> tenure -> contract -> internet -> services -> payment -> bill (``population``).
2. *Disengaging*, a hidden yes or no, 15 % of customers, independent of the plan. It causes two things: a higher risk
   (next line), and use that fades over the last four months (for 80 % of them; 4 % of the others fade too).
3. *Risk if left alone*: log odds = (a sum over plan and household: tenure, contract, fibre, add-ons, paperless,
   electronic cheque, senior, dependants) + 2.0 x disengaging. Fitted on the published file with the hidden state
   summed out, so that averages agree with it. Age, gender, town, language and use itself cause nothing.
4. *Receptiveness*: streaming, a dear plan, a tenure of 6 to 35 months and no technical support raise it; an electronic
   cheque, being a senior and having no internet lower it; plus a hidden part (normal, standard deviation 0.6).
   It is not the order of risk: some of the likeliest leavers are those that contact drives away.
5. *Risk if contacted*: log odds = those of line 3 + effect(receptiveness). The effect is exactly 0 in a middle range,
   falls to -2.0 above it and rises to +1.7 below it.
6. *Kind*: ``persuadable`` if contact lowers the probability of leaving by 4 points or more, ``do_not_disturb`` if it
   raises it by as much; otherwise ``sure`` (likelier to stay) or ``lost`` (likelier to leave).
7. *Campaigns.* Three in the last 90 days, each to a lot drawn among its eligible, 20 % of it held out by lot; nobody is
   in two. Given eligibility, being contacted depends on nothing: treated against held out is a fair comparison.
8. *Leaving*: yes with the risk if contacted for those who were, with the risk if left alone for all others, by the same
   dice in both futures. Who leaves gives notice within 60 days of the campaign (within the 90 days of the window when
   in none), and the line works to the end of the last month billed, so everybody has use up to the file's date.
   A customer without a first bill (tenure 0) does not leave.
"""

from customers.ingest.synthetic.carrier import AS_OF, FIELDS, Batch, Carrier, write_csv
from customers.ingest.synthetic.causal import CausalTruth
from customers.ingest.synthetic.names import LARGEST_CARRIER
from customers.ingest.synthetic.outreach import CAMPAIGNS, HORIZON_DAYS, WINDOW_DAYS, PastCampaign
from customers.ingest.synthetic.usage import GROUPS, UsageGroup

__all__ = [
    "AS_OF", "CAMPAIGNS", "FIELDS", "GROUPS", "HORIZON_DAYS", "LARGEST_CARRIER", "WINDOW_DAYS",
    "Batch", "Carrier", "CausalTruth", "PastCampaign", "UsageGroup", "write_csv",
]  # fmt: skip
