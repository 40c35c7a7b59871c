//! PIN cards (product §3, card sale): every card that ever came in is kept with where it is; what is for
//! sale, what an order has and how many are where is counted from them each time.
//!
//! When a row goes that is only remembered for its number is left open; there the real one is followed,
//! and only there.

use std::collections::BTreeMap;

use mpss_domain::catalogue::{Application, Product};
use mpss_domain::order::OrderEvent;
use mpss_domain::vault::{BatchId, CardLine, CardNumber, CardResult, CardState, NewCard, PinCard, SealedPin, Stock};
use mpss_domain::{LogTime, Money, Msisdn, OrderId, OrderStatus, Outcome, ProductId, Refusal, SpId, State};

use super::Reference;
use super::compare::same;
use super::days::{day_of, first_moment};
use super::orders::Sale;

/// Cards in one order at most.
pub(super) const CARDS_PER_ORDER_MAX: u32 = 100;
/// Lines of one batch at most.
const LINES_MAX: usize = 500;
/// Bytes of a sealed PIN at most.
const PIN_BYTES_MAX: usize = 128;
/// A last day further away than this, in days, is a misprint.
const LIFE_DAYS_MAX: u32 = 36_525;

/// A card, since it came in.
#[derive(Debug)]
struct Card {
    sp: SpId,
    row: PinCard,
    /// When somebody looks whether it has ended, or is to be forgotten.
    looked_at: Option<LogTime>,
    /// It is not even remembered for its number any more.
    gone: bool,
}

impl Card {
    fn order(&self) -> Option<OrderId> {
        match self.row.state {
            CardState::InStock | CardState::Expired => None,
            CardState::Reserved(order) | CardState::Sold(order) | CardState::Shown(order) => Some(order),
        }
    }
}

/// A batch that came in.
#[derive(Debug)]
struct Loaded {
    content: u64,
    at: LogTime,
    results: Vec<CardResult>,
}

/// All cards, by the order in which they came in.
#[derive(Debug, Default)]
pub(super) struct Vault {
    cards: BTreeMap<u64, Card>,
    batches: BTreeMap<(ProductId, BatchId), Loaded>,
}

impl Vault {
    /// When which card is looked at.
    pub(super) fn ends(&self) -> impl Iterator<Item = (LogTime, u64)> {
        self.cards.iter().filter_map(|(serial, card)| Some((card.looked_at?, *serial)))
    }

    /// The cards of an order, in the order in which they were for sale.
    fn of_order(&self, order: OrderId) -> Vec<u64> {
        let cards = self.cards.iter().filter(|(_, card)| !card.gone && card.order() == Some(order));
        let mut cards: Vec<_> = cards.map(|(serial, card)| (card.row.expires, *serial)).collect();
        cards.sort_unstable();
        cards.into_iter().map(|(_, serial)| serial).collect()
    }

    fn numbered(&self, sp: SpId, number: CardNumber) -> Option<u64> {
        let mut known = self.cards.iter().filter(|(_, card)| !card.gone);
        known.find(|(_, card)| card.sp == sp && card.row.number == number).map(|(serial, _)| *serial)
    }

    fn go(&mut self, serial: u64, to: CardState) {
        self.cards.get_mut(&serial).expect("cards are never taken out").row.state = to;
    }
}

impl Sale {
    /// What was shown stays sold.
    pub(super) fn check_not_shown(&self) -> Result<(), Refusal> {
        if self.happened(OrderEvent::CardsShown) { Err(Refusal::CardShown) } else { Ok(()) }
    }

    /// Cards and tickets go back whole, and of tickets only those that nobody has used.
    pub(super) fn check_pieces(&self, amount: Money) -> Result<(), Refusal> {
        let whole = amount.as_fen() % self.price() == 0;
        if !whole && (self.from_vault || self.has_tickets) {
            return Err(Refusal::WholePiecesOnly);
        }
        self.check_unused(amount)
    }

    /// What one piece costs, in fen.
    pub(super) fn price(&self) -> i64 {
        self.amount.as_fen() / i64::from(self.quantity)
    }
}

impl Reference {
    /// From its first card on a product that is a card sale is sold from the vault.
    pub(super) fn sells_from_vault(&self, product: &Product) -> bool {
        let terms = product.versions.last().expect("a product has terms");
        terms.application == Application::CardSale
            && self.vault.cards.values().any(|card| card.row.product == product.id)
    }

    /// What of a product is for sale: those that end first, in the order in which they came.
    pub(super) fn for_sale(&self, product: ProductId) -> Vec<u64> {
        let today = day_of(self.now);
        let cards = self.vault.cards.iter().filter(|(_, card)| {
            card.row.product == product && card.row.state == CardState::InStock && card.row.expires >= today
        });
        let mut cards: Vec<_> = cards.map(|(serial, card)| (card.row.expires, *serial)).collect();
        cards.sort_unstable();
        cards.into_iter().map(|(_, serial)| serial).collect()
    }

    pub(super) fn reserve(&mut self, id: OrderId) {
        let order = &self.orders[&id];
        let cards = self.for_sale(order.product.id);
        for serial in cards.into_iter().take(order.quantity as usize) {
            self.vault.go(serial, CardState::Reserved(id));
        }
    }

    /// What happens to an order happens to its cards.
    pub(super) fn cards_follow(&mut self, id: OrderId, event: OrderEvent) {
        if !self.orders[&id].from_vault {
            return;
        }
        let mut cards = self.vault.of_order(id);
        match event {
            OrderEvent::Delivered => cards.into_iter().for_each(|card| self.vault.go(card, CardState::Sold(id))),
            OrderEvent::CardsShown => cards.into_iter().for_each(|card| self.vault.go(card, CardState::Shown(id))),
            OrderEvent::Declined(_) | OrderEvent::ReversalAsked(..) => self.come_back(cards),
            // The last ones first.
            OrderEvent::Refunded(_, amount) => {
                let many = usize::try_from(amount.as_fen() / self.orders[&id].price()).expect("small");
                let back = cards.split_off(cards.len().saturating_sub(many));
                self.come_back(back);
            }
            _ => {}
        }
    }

    /// For sale again, unless their last day is over: then remembered for the retention.
    fn come_back(&mut self, cards: Vec<u64>) {
        let (today, remembered) = (day_of(self.now), self.now.0.saturating_add(self.policy.retention_ms));
        for serial in cards {
            let card = self.vault.cards.get_mut(&serial).expect("cards are never taken out");
            if card.row.expires < today {
                (card.row.state, card.looked_at) = (CardState::Expired, Some(LogTime(remembered)));
            } else {
                card.row.state = CardState::InStock;
            }
        }
    }

    /// A card is looked at.
    pub(super) fn card_ends(&mut self, serial: u64, due: LogTime) {
        let card = self.vault.cards.get_mut(&serial).expect("cards are never taken out");
        // It came back meanwhile and is looked at later.
        if card.looked_at != Some(due) {
            return;
        }
        card.looked_at = None;
        match card.row.state {
            CardState::InStock => {
                card.row.state = CardState::Expired;
                card.looked_at = Some(LogTime(self.now.0.saturating_add(self.policy.retention_ms)));
            }
            CardState::Expired => card.gone = true,
            // Whatever is with an order goes with it.
            CardState::Reserved(order) | CardState::Sold(order) | CardState::Shown(order) => {
                card.gone = !self.orders.contains_key(&order);
            }
        }
    }

    /// The product; the batch under its name with other content; no card sale; the SP; its size. Then a
    /// result for each line: no card, ended, known, in stock.
    pub(super) fn load_cards(
        &mut self,
        product: ProductId,
        batch: BatchId,
        content: u64,
        lines: &[CardLine],
    ) -> Result<Outcome, Refusal> {
        let known = self.listed_goods(product)?.clone();
        let terms = known.versions.last().expect("a product has terms");
        if let Some(before) = self.vault.batches.get(&(product, batch)) {
            let same = before.content == content && before.results.len() == lines.len();
            return if same { Ok(Outcome::CardsLoaded(before.results.clone())) } else { Err(Refusal::BatchMismatch) };
        }
        if terms.application != Application::CardSale {
            return Err(Refusal::NotFromVault);
        }
        let sp = terms.sp;
        if self.sps[&sp].suspended {
            return Err(Refusal::SpSuspended);
        }
        if !(1..=LINES_MAX).contains(&lines.len()) {
            return Err(Refusal::BatchSize);
        }
        let results: Vec<_> = lines.iter().map(|line| self.load_card((product, batch, sp), line)).collect();
        self.vault.batches.insert((product, batch), Loaded { content, at: self.now, results: results.clone() });
        Ok(Outcome::CardsLoaded(results))
    }

    fn load_card(&mut self, (product, batch, sp): (ProductId, BatchId, SpId), line: &CardLine) -> CardResult {
        let today = day_of(self.now);
        let CardLine::Card(NewCard { number, pin, expires }) = line else { return CardResult::Malformed };
        if !(1..=PIN_BYTES_MAX).contains(&pin.as_bytes().len()) || expires.0 > today.0 + LIFE_DAYS_MAX {
            return CardResult::Malformed;
        }
        if *expires < today {
            return CardResult::Expired;
        }
        if self.vault.numbered(sp, *number).is_some() {
            return CardResult::Duplicate;
        }
        let serial = self.vault.cards.len() as u64;
        let (number, pin, expires, state) = (*number, pin.clone(), *expires, CardState::InStock);
        let row = PinCard { product, number, pin, expires, batch, state };
        let looked_at = Some(first_moment(expires.next()));
        self.vault.cards.insert(serial, Card { sp, row, looked_at, gone: false });
        CardResult::Loaded
    }

    /// The order, its buyer, reversed, its status, a refund under way, the vault.
    pub(super) fn reveal_cards(&mut self, id: OrderId, buyer: Msisdn) -> Result<Outcome, Refusal> {
        let order = self.sale(id)?;
        if order.msisdn != buyer {
            return Err(Refusal::NotTheBuyer);
        }
        match order.status() {
            OrderStatus::Reversing | OrderStatus::Reversed => return Err(Refusal::AlreadyReversed),
            OrderStatus::Delivered | OrderStatus::PartlyRefunded if order.refunds_under_way().next().is_none() => {}
            _ => return Err(Refusal::WrongOrderStatus),
        }
        if !order.from_vault {
            return Err(Refusal::NotFromVault);
        }
        if !order.happened(OrderEvent::CardsShown) {
            self.event(id, OrderEvent::CardsShown);
        }
        Ok(Outcome::CardsShown(id))
    }

    /// Sold, never shown, and still good: the buyer may want to see it.
    pub(super) fn has_cards_to_show(&self, id: OrderId, now: LogTime) -> bool {
        let mut sold = self.vault.cards.values().filter(|card| !card.gone && card.row.state == CardState::Sold(id));
        sold.any(|card| card.row.expires >= day_of(now))
    }

    /// The order of these cards is forgotten: to its last day a card is remembered for its number alone.
    pub(super) fn forget_cards_of(&mut self, id: OrderId) {
        for serial in self.vault.of_order(id) {
            let card = self.vault.cards.get_mut(&serial).expect("cards are never taken out");
            card.row.pin = SealedPin::new(Vec::new());
            card.gone = card.looked_at.is_none();
        }
    }

    /// The order of this card may be forgotten, and with it what it was.
    fn may_be_wiped(&self, card: &Card) -> bool {
        card.order().is_some_and(|order| !self.orders.contains_key(&order) || self.order_may_be_gone(order))
    }

    /// Follows the real one where a batch, or a card that is over, was forgotten.
    pub(super) fn settle_forgotten_cards(
        &mut self,
        name: (ProductId, BatchId),
        content: u64,
        lines: &[CardLine],
        found: &Outcome,
    ) {
        if let Some(batch) = self.vault.batches.get(&name) {
            let same = batch.content == content && batch.results.len() == lines.len();
            let expected = if same {
                Outcome::CardsLoaded(batch.results.clone())
            } else {
                Outcome::Refused(Refusal::BatchMismatch)
            };
            // A request id that was used for something else is refused whatever is known of the batch.
            let not_asked = *found == Outcome::Refused(Refusal::DuplicateRequest);
            if expected == *found || not_asked || !self.batch_may_be_gone(batch.at) {
                return;
            }
            self.vault.batches.remove(&name);
        }
        let (Outcome::CardsLoaded(results), Some(product)) = (found, self.goods.get(&name.0)) else { return };
        let sp = product.versions.last().expect("a product has terms").sp;
        for (line, result) in lines.iter().zip(results) {
            let (CardLine::Card(card), CardResult::Loaded) = (line, result) else { continue };
            let Some(serial) = self.vault.numbered(sp, card.number) else { continue };
            let known = &self.vault.cards[&serial];
            if known.looked_at.is_none()
                && self.may_be_wiped(known)
                && let Some(order) = known.order()
            {
                self.forget_order(order);
            }
        }
    }

    fn stock(&self, product: ProductId) -> Option<Stock> {
        let mut stock = Stock::default();
        for card in self.vault.cards.values().filter(|card| card.row.product == product) {
            stock.loaded += 1;
            *match card.row.state {
                CardState::InStock => &mut stock.in_stock,
                CardState::Reserved(_) => &mut stock.reserved,
                CardState::Sold(_) => &mut stock.sold,
                CardState::Shown(_) => &mut stock.shown,
                CardState::Expired => &mut stock.expired,
            } += 1;
        }
        (stock.loaded > 0).then_some(stock)
    }

    pub(super) fn compare_vault(&self, state: &State, out: &mut Vec<String>) {
        for product in self.goods.keys() {
            let count = |stock: Option<Stock>| {
                stock.map(|stock| {
                    let Stock { loaded, in_stock, reserved, sold, shown, expired, .. } = stock;
                    [loaded, in_stock, reserved, sold, shown, expired]
                })
            };
            let (expected, found) = (count(self.stock(*product)), count(state.stock(*product)));
            same(out, format!("loaded, in stock, reserved, sold, shown, expired of {product}"), &expected, &found);
        }
        let mut found: BTreeMap<_, _> = state.cards().map(|card| ((card.product, card.number), card)).collect();
        same(out, "cards with a number of their own", &found.len(), &state.cards().count());
        for card in self.vault.cards.values().filter(|card| !card.gone) {
            let Card { row, looked_at, .. } = card;
            let may_be_wiped = self.may_be_wiped(card);
            match found.remove(&(row.product, row.number)) {
                Some(real) if real == row => {}
                Some(real) if may_be_wiped && PinCard { pin: real.pin.clone(), ..row.clone() } == *real => {
                    let wiped = real.pin.as_bytes().is_empty();
                    same(out, format!("card {:?}: its PIN is wiped", row.number), &true, &wiped);
                }
                Some(real) => out.push(format!("card {:?}: expected {row:?}, found {real:?}", row.number)),
                None if may_be_wiped && looked_at.is_none() => {}
                None => out.push(format!("card {:?}: expected {:?}, not found", row.number, row.state)),
            }
        }
        out.extend(found.into_values().map(|card| format!("card {card:?}: not expected")));
        let mut of_orders: BTreeMap<OrderId, Vec<_>> = BTreeMap::new();
        for (serial, card) in self.vault.cards.iter().filter(|(_, card)| !card.gone) {
            if let Some(order) = card.order() {
                of_orders.entry(order).or_default().push((card.row.expires, serial, card.row.number));
            }
        }
        for id in self.orders.keys().filter(|id| state.order(**id).is_some()) {
            let mut expected = of_orders.remove(id).unwrap_or_default();
            expected.sort_unstable();
            let expected: Vec<_> = expected.into_iter().map(|(.., number)| number).collect();
            let real = state.cards_of(*id).unwrap_or_default();
            let real: Vec<_> = real.into_iter().map(|card| card.number).collect();
            same(out, format!("the cards of {id}"), &expected, &real);
        }
    }
}
