"""What is never said to a customer: that they may leave, how they were scored, that a machine wrote, or to whom it listened."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..prompt_text import INSTRUCTIONS
from .sentences import Failure, Sentence, folded, normal

# Arabic words take و ف ب ل ك and the article before them: _A. All patterns are read on folded text.
_A = r"(?<!\w)[وفبلك]{0,2}(?:ال|لل)?"
_PATTERNS: dict[str, str] = {
    "departure": r"\bquitt\w+|\brésili\w+|\bdésabonn\w+|\bdésengag\w+|\b(?:votre|un|son) départ\b|\bchang\w+ d'opérateur|\bconcurren\w+|\baller voir ailleurs|"
    r"\b(?:allez|voulez|souhaitez|songez|pensez|pensiez|envisagez|envie|risquez|comptez|point) (?:à |de |nous )*(?:quitt\w+|partir|arrêter)|\bvous perdre\b|\bvous retenir\b|\bavant (?:de|que vous ne?) part\w+|"
    r"\bleav(?:e|es|ing) us\b|\b(?:about|going|likely|planning|plan|thinking|think|want|wanting|tempted|considering|decided?|intend\w*) (?:to |of |about )?leav\w+|\bbefore you (?:go|leave)\b|"
    r"\byour departure|\bcancel\w*|\bswitch\w* (?:provider|operator|carrier|to another)|\bcompetitor\w*|\blos(?:e|ing) you\b|\bkeep you from\b|\bgoodbye\b|"
    rf"{_A}(?:مغادر\w*|رحيل\w*|انسحاب\w*|منافس\w*)|(?<!\w)[وفس]{{0,2}}[تي]غادر\w*|(?<!\w)[وفس]{{0,2}}(?:ترحل|سترحل)\w*|{_A}(?:الغاء|فسخ|انهاء|قطع|ايقاف) (?:ال)?(?:اشتراك|عقد|خدم)\w*|"
    rf"(?<!\w)[وفس]{{0,2}}[تي](?:لغوا|لغون|لغي|فسخ\w*|نهوا|نهون|ترك\w*) (?:ال)?(?:اشتراك|عقد|خدم)\w*|ترككم? لنا|تتركون\w*|خسارتكم|فقدانكم|نخسركم|نفقدكم",
    "score": r"\brisqu\w+|\bscor(?:e|es|ing|é|ée|és)\b|\bprédi(?:t|ts|re|ction|ctions|ctif|ctive)\b|\bprobabilit\w+|\battrition|\bchurn\w*|\bsegment\w*|\bprofil(?:age|é|és|ée)\b|"
    r"\brisk\w*|\bpredict\w*|\bprofiled?\b|\bprofiling\b|\bretention\b|\brétention\b|\blikelihood\b|"
    rf"{_A}(?:خطر|مخاطر|خطوره|مخاطره|احتمال|احتماليه|تنبؤ|تنبؤات|تنبوء|تسرب)(?:ا|كم|نا|ها|ه|ات)?(?!\w)|(?<!\w)[نيت]تنب[اأؤ]\w*|(?:درجه|نقاط|مؤشر|معدل) (?:ال)?(?:خطر|مخاطر|مغادره|تسرب|تقييم)\w*|شريحتكم",
    "machine": r"\balgorithm\w*|\balgorithme\w*|\balgorithmique\w*|\bartificial intelligence|\bintelligence artificielle|(?<![\w'-])(?:ai|a\.i\.)(?= |[.,;:!?]|$)(?! (?:bien|pas|pu|été|eu|fait|vu|reçu))|(?<![\w-])(?:ia|i\.a\.)(?!\w)|"
    r"\bmachine learning|\bapprentissage automatique|\bapprentissage machine|\bdata science|\bchat ?gpt|\bgpt\b|\bllm\b|\bour (?:systems?|models?|data) (?:show|tell|say|indicat|suggest|detect)\w*|"
    r"\bnos (?:systèmes?|modèles?|données|analyses) (?:montr|indiqu|suggèr|détect|révèl|prévoi)\w*|\bnotre (?:système|modèle|analyse) (?:montr|indiqu|suggèr|détect|révèl|prévoi)\w*|"
    rf"{_A}خوارزمي\w*|(?:ال)?ذكاء (?:ال)?(?:ا)?صطناعي|(?:ال)?تعلم (?:ال)?(?:الي|اله)|تشير (?:بياناتنا|انظمتنا|تحليلاتنا)",
    "watching": r"\b(?:we|we have|we've|i) (?:have )?(?:noticed|observed|detected|seen that|been watching|monitor\w*|track\w*)|\bnous avons (?:bien )?(?:remarqué|constaté|observé|détecté|vu que|noté que)|"
    r"\bnous (?:remarquons|constatons|observons|surveillons)|\bvotre (?:consommation|usage|utilisation) (?:a|baisse|diminue|chute)\b|\byour usage (?:has|is|dropped|fell)|"
    r"(?<!\w)و?(?:لقد )?لاحظنا|نلاحظ|رصدنا|تبين لنا|نراقب|تراجع استهلاككم|انخفاض استهلاككم|انخفض استهلاككم",
    "leakage": r"\blanguage model|\bmodèles? de langage|\bas an? (?:ai|assistant|large|language|model)\b|\ben tant qu[e'] ?(?:ia|assistant|modèle|intelligence)|\bsystem prompt|\bprompts?\b|\binvite système|"
    r"\binstructions? (?:précédentes?|ci-dessus|du système|above|reçues)|\b(?:previous|prior|above|these|system|my) instructions|\bignor(?:e|ez|er|ing|ons|ed) (?:all|any|the|previous|les|toutes|tes|vos|ces|my|your)|"
    r"\bjson\b|\bplaceholders?\b|\bespaces? réservés?|^(?:system|assistant|user|human|système|utilisateur)\s?:|^(?:sure|certainly|of course|absolutely|bien sûr|certainement|voici)[ ,!:]+(?:here|voici|le |la |un |une |l')[^.]{0,40}(?:e-?mail|draft|message|brouillon|courriel|version)|"
    r"\bhere (?:is|are|'s) (?:the|your|an?|my) (?:e-?mail|draft|message|version)|\bvoici (?:le|la|l'|un|une|votre) ?(?:e-?mail|brouillon|courriel|message demandé)|\bi (?:cannot|can't|can not|am unable to|'m sorry)|\bje ne (?:peux|puis) pas (?:répondre|rédiger|aider|écrire|satisfaire)|"
    r"\[[^\]]{2,60}\]|\bsubject\s?:|\bobjet\s?:|"
    rf"نموذج(?:ا)? (?:ال)?(?:لغوي|لغه)\w*|{_A}تعليمات (?:ال)?(?:سابقه|اعلاه|نظام)\w*|(?<!\w)[وف]?(?:تجاهل|تجاهلوا|تجاهلي|اتجاهل)(?!\w)|بصفتي|كمساعد|مساعد (?:ذكي|افتراضي|رقمي)|(?:اليك|اليكم) (?:نص |مسوده )?(?:ال)?(?:رساله|مسوده|بريد|نص)|لا (?:استطيع|يمكنني)|الموضوع\s?:",
    "markup": r"<\s?[a-z/!?]|&(?:#\w+|[a-z]{2,8});|\]\(|```|\*\*|__\w|^#{1,6} ",
}
_COMPILED = {code: re.compile(pattern, re.MULTILINE) for code, pattern in _PATTERNS.items()}
_RUN = 6  # words in a row from our instructions


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = re.findall(r"[^\W_]+", folded(normal(text)))
    return frozenset(tuple(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1))


_OF_THE_INSTRUCTIONS = _runs(INSTRUCTIONS)


def check_manners(sentence: Sentence) -> Iterator[Failure]:
    for code, pattern in _COMPILED.items():
        match = pattern.search(sentence.words)
        if match:
            yield sentence.failure(code, words=match[0].strip()[:100])
    if _runs(sentence.words) & _OF_THE_INSTRUCTIONS:
        yield sentence.failure("leakage", words="instructions")
