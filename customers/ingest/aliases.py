"""What other people's files call our columns, and the words in which they say that a customer left or stayed.

``schema`` holds each column's own few aliases; here stand the many more that exports and public files use, in French and
English, and the search that finds a column by a header: exact, by its words, or with a typing error.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import lru_cache

from . import schema
from .schema import FLAG_VALUES, normalise, normalise_header

MORE: dict[str, str] = {
    "external_id": "id, nr, uid, customer number, customer no, customer code, customer key, customer ref, customer reference,"
    " cust id, cust no, client number, client no, client code, client key, clientnum, client num, user id, userid, user,"
    " subscriber id, subscriber number, subscriberid, subscription id, account id, account number, account no, acct id,"
    " member id, contract number, contract id, msno, party id, household id, customer uuid, customer identifier,"
    " n client, no client, num client, code client, ref client, reference client, cle client, id abonne,"
    " numero abonne, code abonne, identifiant abonne, numero de compte, numero compte, numero de contrat, numero contrat,"
    " id compte, id utilisateur, identifiant unique, matricule, external id, numero d abonne, numero adherent",
    "first_name": "firstname, forename, prenoms, prenom client",
    "last_name": "lastname, family name, nom client, nom abonne, customer last name, nom usuel",
    "email": "email address, e mail address, mail address, adresse email, adresse mail, adresse electronique, courriel client",
    "phone": "phone number, phone no, phone num, telephone number, mobile number, mobile phone, cell phone, gsm, tel,"
    " num tel, numero telephone, numero tel, numero mobile, numero gsm, telephone mobile, telephone portable, portable,"
    " numero d appel, contact number, ligne mobile, numero de ligne",
    "language": "preferred lang, language preference, lang, langue preferee, langue de contact, langue client",
    "city": "city name, town name, localite, commune, ville client, ville de residence, municipality",
    "gender": "gender code, customer gender, civilite sexe",
    "senior_citizen": "is senior, is senior citizen, retired, retraite, client senior, citoyen senior, plus de 65 ans, agee,"
    " troisieme age, senior 65, personne senior",
    "partner": "has partner, married, is married, marie, conjointe, a un conjoint, a un partenaire, vit en couple, couple,"
    " spouse",
    "dependents": "dependants, has dependents, has children, has kids, children in hh, personne a charge, enfants a charge,"
    " a des enfants, a des personnes a charge, charges de famille, ayants droit",
    "age": "customer age, age years, age in years, client age, age du client, age abonne, age annees, age hh1, age ans",
    "tenure": "tenure month, tenure mths, months in service, months on book, months as customer, months subscribed,"
    " months active, subscription length, subscription months, subscription duration, subscription age, account length,"
    " account age, account months, customer tenure, length of service, customer since months, duree abonnement,"
    " duree d abonnement, duree contrat, duree de la relation, duree relation, mois anciennete, nombre de mois,"
    " nb mois, nb mois anciennete, anciennete client, anciennete du client, duree anciennete, mois d abonnement,"
    " lifetime months, relationship months, vintage months, membership months",
    "phone_service": "phone, has phone, has phone service, telephonie, telephone fixe, voice service, ligne telephonique,"
    " service telephone, abonnement telephone",
    "multiple_lines": "multi lines, multiline, several lines, plusieurs lignes, multi lignes, lignes telephoniques multiples",
    "internet_service": "internet service type, type of internet, type internet, type d internet, acces internet,"
    " connexion internet, fournisseur internet, broadband type, internet connection",
    "online_security": "internet security, securite internet, securite, antivirus, protection en ligne",
    "online_backup": "cloud backup, backup, sauvegarde, sauvegarde cloud, sauvegarde internet",
    "device_protection": "device protection plan, device insurance, protection de l equipement, protection equipement,"
    " protection des appareils, protection du materiel, assurance appareil, assurance mobile, protection materiel",
    "tech_support": "technical support, support, assistance, aide technique, support premium, service technique",
    "streaming_tv": "stream tv, streaming television, tv streaming, television en streaming, streaming tele, tele streaming",
    "streaming_movies": "stream movies, streaming movie, movies streaming, streaming films, film streaming, films streaming,"
    " cinema streaming, streaming cinema, streaming de films, videos a la demande, vod",
    "contract": "contract length, contract term, contract duration, contract kind, contrat type, nature du contrat,"
    " engagement, duree engagement, duree d engagement, type contrat, type d abonnement, type de contrat client,"
    " type d engagement, formule contrat",
    "paperless_billing": "paperless, paperless bill, e bill, ebill, electronic billing, e billing, facturation electronique,"
    " facturation dematerialisee, facture dematerialisee, facture en ligne, e facture, efacture, facturation sans papier,"
    " facture sans papier, dematerialisation, facture par mail",
    "payment_method": "payment mode, payment type, payment, pay method, payment means, preferred payment mode,"
    " preferred payment method, billing method, methode de paiement, methode paiement, mode paiement, moyen paiement,"
    " type de paiement, mode de reglement, moyen de reglement, mode reglement, paiement, reglement, mode de facturation",
    "monthly_charges": "monthly bill, monthly fee, monthly price, monthly amount, monthly payment, monthly cost, monthly rent,"
    " monthly revenue, monthly spend, mrr, mrc, arpu, monthly recurring charge, total recurring charge, charges mensuelles,"
    " cout mensuel, prix mensuel, tarif mensuel, mensualite, redevance mensuelle, abonnement mensuel, facturation mensuelle,"
    " montant facture mensuelle, montant facture mensuel, montant de la facture, montant mensuel facture, cotisation,"
    " facture par mois, paiement mensuel, depense mensuelle, montant facture, charge mensuelle, forfait mensuel,"
    " montant de l abonnement, ca mensuel, revenu mensuel",
    "total_charges": "total charge, total bill, total billed, total amount, total paid, lifetime charges, charges totales,"
    " cout total, montant facture total, montant total facture, facturation totale, total facturation, ca total, total paye,"
    " montant cumule, cumul facture, total des frais, total factures, facture totale, montant total paye, total des charges",
    "churn_label": "churn flag, churn status, churn indicator, churn yn, is churn, is churned, has churned, customer churn,"
    " customer churned, churner, is churner, churn target, churn class, churn outcome, churn y, churn 1 yes, churn client,"
    " attrition flag, attrition status, attrited, is attrited, customer attrition, attrition client, exit, has exited,"
    " is exited, has left, leave, leaver, left company, left service, quit, cancelled, canceled, is cancelled,"
    " is canceled, has cancelled, is lost, lost customer, terminated, is terminated, disconnected, deactivated, unsubscribed,"
    " discontinued, closed account, account closed, resiliation, resilies, a resilie, est resilie, client resilie,"
    " contrat resilie, abonnement resilie, desabonne, desabonnes, est desabonne, s est desabonne, client desabonne, a quitte,"
    " est parti, client parti, depart, depart client, perdu, client perdu, desengagement, churne, a churne, a desabonne",
    "month": "mois de consommation, mois conso, periode, year month, yearmonth, usage month, billing month, bill month,"
    " month key, month id, mois facture, mois de facturation, mois usage, annee mois, period, reporting month, snapshot month",
    "montant_consommation": "montant conso, montant de consommation, montant de la consommation, montant consomme,"
    " consommation montant, conso montant, depenses, depense du mois, amount, amount spent, revenue, usage amount, montant",
    "nombre_appels": "nb appels, nbr appels, nombre d appels, nombre appel, nb d appels, total calls, call count, num calls,"
    " n calls, calls count, appels, appels emis, no of calls, number calls",
    "volume_data": "volume de donnees, volume donnees, volume data mo, data usage, data usage mb, data mb, data volume mb,"
    " conso data, consommation data, megabytes, mb used, internet mb, data used, donnees mobiles, volume internet",
    "nombre_sms": "nb sms, nbr sms, nombre de sms, nombre d sms, sms count, num sms, total sms, no of sms, sms sent,"
    " text messages, texts, sms envoyes",
    "nombre_recharges": "nb recharges, nbr recharges, nb de recharges, nombre de recharges, recharge count, top up count,"
    " topup count, num recharges, rechargements, nombre de rechargements, nb rechargements",
    "nombre_reclamations": "nb reclamations, nbr reclamations, nb de reclamations, nombre de reclamations, complaint count,"
    " num complaints, no of complaints, plaintes, nb plaintes, nombre de plaintes, nombre plaintes",
}

# Measures of one month: in a file with one line a customer these words mean a total over who knows how long, or an outcome.
_ONLY_WITH_MONTHS = frozenset(
    normalise(w).replace(" ", "")
    for w in (
        "spend, amount, amount spent, revenue, montant, depenses, calls, total calls, call count, appels, data, data usage, sms,"
        " texts, text messages, sms sent, megabytes, complaints, recharges, rechargements, top ups, reclamations, plaintes, period,"
        " periode, total sms"
    ).split(",")
)

# Words that change no meaning, and words that only say whose column it is.
_STOP = frozenset("de du des la le les l d of the a en par in per un une et and au aux s".split())
_OWNER = frozenset("customer client cust abonne subscriber user utilisateur telco is has flag".split())
_UNITS = re.compile(r"[(\[{][^)\]}]*[)\]}]")
_ROW_NUMBERS = frozenset(("rownumber", "rownum", "rowid", "row", "index", "idx", "x", "unnamed0", "level0", "numeroligne",
                          "ligne", "noligne", "nligne", "rowno", "sno", "slno", "serialno", "serialnumber", "srno"))  # fmt: skip
_FUZZY = 0.87  # "contact" is 0.93 of "contract": fuzzy names need the values to agree as well
_FUZZY_LENGTH = 5


@dataclass(frozen=True, slots=True)
class Match:
    """A header that may be a column: ``how`` is exact_alias, words_alias or fuzzy_alias; ``score`` 0 to 1."""

    target: str
    how: str
    alias: str
    score: float


def compact(header: str) -> str:
    """A header without case, accents, punctuation and spaces: ``customer_ID`` and ``Customer Id`` -> ``customerid``."""
    return normalise_header(header).replace(" ", "")


def is_row_number(header: str) -> bool:
    """Whether the header says that the column only counts the lines of the file."""
    return compact(header) in _ROW_NUMBERS


def words(header: str) -> list[str]:
    """The header's words that carry meaning, in the singular: ``Frais mensuels (DT)`` -> ``["frai", "mensuel"]``."""
    found = normalise_header(header).split()
    return [w[:-1] if len(w) > 3 and w[-1] in "sx" else w for w in found if w not in _STOP]


@lru_cache(maxsize=1)
def _index() -> tuple[dict[str, list[tuple[str, str, float]]], dict[tuple[str, ...], list[tuple[str, str]]]]:
    exact: dict[str, list[tuple[str, str, float]]] = {}
    by_words: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for column in (*schema.COLUMNS, *schema.USAGE_COLUMNS):
        extra = [alias.strip() for alias in MORE.get(column.name, "").split(",") if alias.strip()]
        for rank, alias in enumerate((column.name, column.header, *column.aliases, *extra)):
            score = 1.0 if rank < 2 else 0.97 if rank < 2 + len(column.aliases) else 0.95
            entries = exact.setdefault(compact(alias), [])
            if all(name != column.name for name, _, _ in entries):
                entries.append((column.name, alias, score))
            key = tuple(sorted(words(alias)))
            if key and key != ("month",):  # "months" is a tenure, "month" a date: never one for the other
                by_words.setdefault(key, []).append((column.name, alias))
    return exact, by_words


def matches(header: str, *, has_months: bool = False) -> list[Match]:
    """Columns that a header may be, best first, each once.

    ``has_months``: the file has one line a customer and month, so that plain words such as "calls" are measures.
    """
    return list(_matches(header, has_months))


@lru_cache(maxsize=4096)  # a proposal asks four times for each header, and near misses are dear
def _matches(header: str, has_months: bool) -> tuple[Match, ...]:
    exact, by_words = _index()
    found: dict[str, Match] = {}
    passed_over = False

    def add(target: str, how: str, alias: str, score: float) -> None:
        nonlocal passed_over
        if not has_months and compact(alias) in _ONLY_WITH_MONTHS:
            passed_over = True
            return
        if target not in found or found[target].score < score:
            found[target] = Match(target, how, alias, round(score, 3))

    bare = _UNITS.sub(" ", header)
    for text, loss in ((header, 0.0), (bare, 0.02)):
        for target, alias, score in exact.get(compact(text), ()):
            add(target, "exact_alias", alias, score - loss)
        mine = tuple(sorted(words(text)))
        for target, alias in by_words.get(mine, ()) if mine else ():
            add(target, "words_alias", alias, 0.9 - loss)
        without = tuple(w for w in mine if w not in _OWNER)
        if without and without != mine:
            for target, alias in by_words.get(without, ()):
                add(target, "words_alias", alias, 0.8 - loss)
    if not found and not passed_over:
        key = compact(bare)
        if len(key) >= _FUZZY_LENGTH and not is_row_number(header):
            swapped = [key[:i] + key[i + 1] + key[i] + key[i + 2 :] for i in range(len(key) - 1)]
            near_length = [k for k in _fuzzy_keys() if 0.77 <= len(k) / len(key) <= 1.3]  # the ratio allows no more
            near = difflib.get_close_matches(key, near_length, n=3, cutoff=_FUZZY)
            for other in dict.fromkeys([*near, *(k for k in swapped if k in exact and len(k) >= _FUZZY_LENGTH)]):
                ratio = max(_FUZZY, difflib.SequenceMatcher(None, key, other).ratio())
                for target, alias, _score in exact[other]:
                    if _same_but_typing(bare, alias):
                        add(target, "fuzzy_alias", alias, 0.75 * ratio)
    return tuple(sorted(found.values(), key=lambda match: -match.score))


def _same_but_typing(header: str, alias: str) -> bool:
    """Whether two headers differ by typing errors only, not by a word ("total day charge") or a digit ("age 2")."""
    mine, theirs = normalise_header(header).split(), normalise_header(alias).split()
    if re.sub(r"\D", "", header) != re.sub(r"\D", "", alias):
        return False
    if 1 in (len(mine), len(theirs)):
        return True  # written without spaces: the words cannot be told apart
    alike = [difflib.SequenceMatcher(None, a, b).ratio() for a, b in zip(mine, theirs, strict=False)]
    return len(mine) == len(theirs) and min(alike) >= 0.75


@lru_cache(maxsize=1)
def _fuzzy_keys() -> list[str]:
    return [key for key in _index()[0] if len(key) >= _FUZZY_LENGTH]


# ---------------------------------------------------------------- words for leaving and staying


def _words(text: str) -> frozenset[str]:
    return frozenset(normalise(word) for word in text.split(","))


LEFT = _words(
    "churned, churn, churner, left, leave, leaver, exited, exit, gone, lost, quit, departed, attrited, attrited customer,"
    " attrition, cancelled, canceled, terminated, closed, disconnected, deactivated, unsubscribed, discontinued, expired,"
    " former, former customer, ex customer, churned customer, lost customer, inactive, résilié, résiliée, résilie, désabonné,"
    " désabonnée, parti, partie, a quitté, perdu, annulé, annulée, clôturé, clôturée, terminé, ancien client, inactif,"
    " résiliation, churné, fermé, fermée, client perdu, client parti, désactivé"
)
STAYED = _words(
    "stayed, stay, stayer, existing, existing customer, active, active customer, retained, current, current customer, loyal,"
    " not churned, no churn, non churn, non churner, not churn, open, live, alive, remained, subscribed, enabled,"
    " resté, restée, actif, active, fidèle, présent, en cours, abonné, abonnée, client actif, ouvert, en service, conservé,"
    " non résilié, non churné, not left, in force, client fidèle"
)
NEW = _words("joined, new, new customer, just joined, nouveau, nouvelle, nouveau client, arrivé, newly joined")
UNSURE = _words(
    "suspended, pending, paused, on hold, suspendu, suspendue, en attente, en pause, indéterminé, trial, essai"
)
OUTCOME_HEADER = _words("status, statut, customer status, statut client, etat, target, label, class, y, outcome, situation,"
                        " etat client, statut abonnement, subscription status, account status, etat abonnement, cible")  # fmt: skip
STAYED_HEADER = _words("retained, stayed, is active, active, actif, est actif, fidele, retention, is retained, renewed, still active,"
                       " customer active, client actif, is current, renewal")  # fmt: skip
LEAVING_DATE = re.compile(
    r"(churn|resili|depart|desabon|cancel|exit|terminat|clotur|closure|closed|leav|attrit|disconnect|deactivat|sortie)"
)
_SPELT_FLAGS = {normalise(key): value for key, value in FLAG_VALUES.items()}


def label_key(text: str) -> str:
    """One key for the spellings of a label's value: ``False.``, ``false`` and ``FALSE``; ``1``, ``1.0`` and ``1,0``."""
    stripped = text.strip().replace(",", ".")
    try:
        number = float(stripped)
    except ValueError:
        return normalise(text)
    return str(int(number)) if number.is_integer() else stripped


def flag_of(text: str) -> bool | None:
    """True or False where the cell is a spelling of yes or no (also 1 and 0), else None."""
    return _SPELT_FLAGS.get(label_key(text))
