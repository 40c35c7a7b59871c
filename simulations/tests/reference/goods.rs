//! PIN cards, tickets, bills, and goods that are sent.

use mpss_domain::bills::{Bill, BillCustomer, PayBill};
use mpss_domain::catalogue::{Application, Product, ProductStatus};
use mpss_domain::ids::IssuedId;
use mpss_domain::shipping::{BuyShipped, Recipient};
use mpss_domain::tickets::TicketId;
use mpss_domain::vault::{CardLine, NewCard, SealedPin};
use mpss_domain::{BusinessDay, Money, OrderId, OrderStatus, ProductId, Purchase, StateVersion, Verb};

use crate::draw::Draw;
use crate::money_moves::somebody;
use crate::walk::{CODES, Walk};

/// Numbers there are: few, so that one comes again.
const NUMBERS: u64 = 60;
/// Bills there are: few, so that two pay the same one.
const BILLS: u64 = 4;
/// Names of batches there are.
const BATCHES: u64 = 40;

impl Walk {
    /// Newer rules come into force, once and for ever.
    pub(crate) fn newer_rules(&mut self, at: usize, draw: &mut Draw) {
        let to = draw.of(&[StateVersion(2), StateVersion(3), StateVersion(3)]);
        self.provinces[at].ask_internally(Verb::RaiseVersion { to });
    }

    /// A batch comes in, or one that came before.
    pub(crate) fn load_cards(&mut self, at: usize, draw: &mut Draw) {
        let province = &mut self.provinces[at];
        let before = province.loads.len().checked_sub(1).filter(|_| draw.one_in(4));
        let again = before
            .map(|last| province.loads[last - usize::try_from(draw.below(last as u64 + 1)).expect("small")].clone());
        let is_sold = |product: &&ProductId| {
            let product = province.state.product(**product);
            product.is_some_and(|product| product.terms().application == Application::CardSale)
        };
        let sold: Vec<_> = province.products.iter().filter(is_sold).copied().collect();
        let unknown = ProductId::issue(province.at, province.id, 9_999);
        let any = if draw.one_in(12) { draw.recent(&province.products) } else { draw.recent(&sold) };
        let product = if draw.one_in(25) { unknown } else { any.unwrap_or(unknown) };
        let lines = if draw.one_in(20) { draw.of(&[0, 501]) } else { draw.below(5) + 1 };
        let today = province.state.now().business_day();
        let lines: Vec<_> = (0..lines).map(|_| line(draw, today)).collect();
        let batch = format!("B{}", draw.below(BATCHES)).parse().expect("a name");
        let verb = again.unwrap_or(Verb::LoadCards { product, batch, content: draw.bits(), lines });
        province.loads.push(verb.clone());
        province.ask(draw, verb);
    }

    /// The buyer wants to see cards, or somebody else does.
    pub(crate) fn show_cards(&mut self, at: usize, draw: &mut Draw) {
        let province = &mut self.provinces[at];
        let order = province.some_order(draw);
        let buyer = province.state.order(order).map(|order| order.msisdn);
        let buyer = buyer.filter(|_| !draw.one_in(10)).unwrap_or_else(|| somebody(draw, CODES[at]));
        province.ask(draw, Verb::RevealCards { order, buyer });
    }

    /// What is for bills is mostly bought with one and what is sent to somebody, anything else seldom.
    pub(crate) fn with_or_without(&self, at: usize, purchase: Purchase, draw: &mut Draw) -> Verb {
        let state = &self.provinces[at].state;
        let terms = state.product(purchase.product).map(Product::terms);
        let is_sent = terms.is_some_and(|terms| terms.application == Application::Shopping);
        if if is_sent { !draw.one_in(8) } else { draw.one_in(30) } {
            return Verb::BuyShipped(Box::new(BuyShipped { purchase, to: recipient(draw) }));
        }
        let is_for_bills = terms.is_some_and(|terms| terms.application == Application::BillPayment);
        let with_bill = if is_for_bills { !draw.one_in(8) } else { draw.one_in(25) };
        if !with_bill {
            let Purchase { msisdn, home, epoch, location, product, quantity, account, channel, verdict } = purchase;
            return Verb::PlaceOrder { msisdn, home, epoch, location, product, quantity, account, channel, verdict };
        }
        let most = terms.map_or(1_000, |terms| terms.price.as_fen());
        // One that is paid already comes again now and then.
        let is_paid = |order: &OrderId| state.order(*order).is_some_and(|order| order.status == OrderStatus::Delivered);
        let orders = self.provinces[at].orders.iter().filter(|order| is_paid(order));
        let paid: Vec<_> = orders.filter_map(|order| state.bill_of(*order)).map(|bill| bill.number).collect();
        let again = if draw.one_in(3) { draw.recent(&paid) } else { None };
        let any = format!("B-{}", draw.below(BILLS)).parse().expect("a number");
        let number = again.unwrap_or(any);
        let amount = Money::fen(match draw.below(20) {
            0 => most + 1,
            1 => 0,
            2 => -5,
            _ => i64::try_from(draw.below(most.unsigned_abs().max(1))).expect("a price") + 1,
        });
        let quantity = if draw.one_in(15) { purchase.quantity } else { 1 };
        let bill = Bill { number, amount, customer: customer(draw) };
        let without_password = draw.one_in(3);
        Verb::PayBill(Box::new(PayBill { purchase: Purchase { quantity, ..purchase }, bill, without_password }))
    }

    /// Somebody buys what has rules of its own, mostly at home, and its SP mostly accepts.
    pub(crate) fn errand(&mut self, at: usize, draw: &mut Draw) {
        let application = draw.of(&[
            Application::BillPayment,
            Application::Shopping,
            Application::Shopping,
            Application::Lottery,
            Application::CardSale,
            Application::Ticketing,
        ]);
        let state = &self.provinces[at].state;
        let is_it = |product: &&ProductId| {
            let product = state.product(**product).filter(|product| product.status == ProductStatus::Published);
            product.is_some_and(|product| product.terms().application == application)
        };
        let products: Vec<_> = self.provinces[at].products.iter().filter(is_it).copied().collect();
        let Some(product) = draw.recent(&products) else { return };
        let before = self.provinces[at].orders.len();
        self.order_of(at, Some(product), draw);
        let province = &mut self.provinces[at];
        if let Some(order) = province.orders.get(before).copied()
            && !draw.one_in(3)
        {
            let answers = vec![(order, true)];
            province.entry(vec![mpss_domain::Command::internal(Verb::RecordDeliveries { answers })]);
        }
    }

    /// A draw opens for somewhat more than a moment, mostly of a lottery.
    pub(crate) fn draw_opens(&mut self, at: usize, draw: &mut Draw) {
        let province = &mut self.provinces[at];
        let is_lottery = |product: &&ProductId| {
            let product = province.state.product(**product);
            product.is_some_and(|product| product.terms().application == Application::Lottery)
        };
        let lotteries: Vec<_> = province.products.iter().filter(is_lottery).copied().collect();
        let unknown = ProductId::issue(province.at, province.id, 9_999);
        let any = if draw.one_in(10) { draw.recent(&province.products) } else { draw.recent(&lotteries) };
        let product = if draw.one_in(25) { unknown } else { any.unwrap_or(unknown) };
        let id = draw.of(&["1", "2", "3"]).parse().expect("a draw");
        let after = draw.of(&[0, 500, 500, 2_000, 2_000, 5_000, 30_000, 300_000, 3_600_000]);
        let closes_at = province.at.plus_ms(after);
        province.ask(draw, Verb::SetDraw { product, draw: mpss_domain::draws::Draw { id, closes_at } });
        for _ in 0..draw.below(6) {
            self.order_of(at, Some(product), draw);
        }
        // It closes while homes are asked.
        let province = &mut self.provinces[at];
        if after <= 5_000 && !draw.one_in(4) {
            province.at = province.at.plus_ms(after);
        }
    }

    /// Goods are sent, mostly once, and are there.
    pub(crate) fn goods_travel(&mut self, at: usize, draw: &mut Draw) {
        let province = &mut self.provinces[at];
        let state = &province.state;
        let is_sent = |order: &&OrderId| state.shipment_of(**order).is_some();
        let sent: Vec<_> = province.orders.iter().filter(is_sent).copied().collect();
        // What can be sent, or can be there, mostly.
        let is_next = |order: &&OrderId| {
            let accepted = state.order(**order).is_some_and(|order| order.status == OrderStatus::Delivered);
            accepted && state.shipment_of(**order).is_some_and(|row| row.received_at.is_none())
        };
        let next: Vec<_> = sent.iter().filter(is_next).copied().collect();
        let among = if draw.one_in(4) { &sent } else { &next };
        let any = if draw.one_in(6) { None } else { draw.recent(among) };
        let order = any.unwrap_or_else(|| province.some_order(draw));
        // Nobody says for long that they are there.
        if draw.one_in(40) {
            province.at = province.at.plus_ms(15 * 86_400_000);
            province.entry(vec![mpss_domain::Command::internal(Verb::Tick)]);
        }
        let verb = if draw.one_in(3) {
            let buyer = province.state.order(order).map(|order| order.msisdn);
            let buyer = buyer.filter(|_| !draw.one_in(8)).unwrap_or_else(|| somebody(draw, CODES[at]));
            Verb::RecordReceipt { order, buyer }
        } else {
            let tracking = draw.of(&["SF1", "SF1", "SF1", "SF2"]).parse().expect("a number");
            Verb::RecordShipment { order, carrier: draw.of(&["顺丰", "顺丰", "邮政"]).to_owned(), tracking }
        };
        province.ask(draw, verb);
    }

    /// One of a few gates checks one of the tickets of an order.
    pub(crate) fn check_tickets(&mut self, at: usize, draw: &mut Draw) {
        let province = &mut self.provinces[at];
        let has_tickets = |order: &&OrderId| province.state.tickets_of(**order).is_some();
        let with_tickets: Vec<_> = province.orders.iter().filter(has_tickets).copied().collect();
        let any = if draw.one_in(5) { None } else { draw.recent(&with_tickets) };
        let order = any.unwrap_or_else(|| province.some_order(draw));
        let many = province.state.order(order).map_or(1, |order| u64::from(order.quantity.min(4)));
        let place = if draw.one_in(15) { draw.of(&[0, many + 1]) } else { draw.below(many) + 1 };
        let ticket = TicketId { order, place: u32::try_from(place).expect("small") };
        let gate = u128::from(draw.below(3));
        // Its money may just have been given back.
        if draw.one_in(8)
            && let Some(row) = province.state.order(order)
        {
            let amount = Money::fen(row.amount.as_fen() / i64::from(row.quantity));
            province.ask(draw, Verb::RefundOrder { order, amount, note: String::new() });
        }
        province.ask(draw, Verb::CheckTicket { ticket, gate });
    }
}

/// Somebody, mostly whole.
fn recipient(draw: &mut Draw) -> Recipient {
    let name = draw.of(&["王芳", "李雷", "韩梅梅"]);
    let [name, phone, address] = match draw.below(30) {
        0 => ["", "02088886666", "天河路"],
        1 => [name, "020888866660208888666", "天河路"],
        2 => [name, "1", ""],
        _ => [name, "02088886666", "天河路"],
    };
    Recipient { name: name.into(), phone: phone.into(), address: address.into() }
}

/// A line of a batch: mostly a card that is good for a while.
fn line(draw: &mut Draw, today: BusinessDay) -> CardLine {
    if draw.one_in(15) {
        return CardLine::Malformed;
    }
    let number = format!("{:08}", draw.below(NUMBERS)).parse().expect("a number");
    let bytes = if draw.one_in(20) { draw.of(&[0, 129]) } else { 40 };
    let pin = SealedPin::new(vec![7; bytes]);
    let days = draw.of(&[0, 0, 1, 1, 2, 5, 30, 400, 36_525, 36_526]);
    let expires = if draw.one_in(12) { BusinessDay(today.0 - 1) } else { BusinessDay(today.0 + days) };
    CardLine::Card(NewCard { number, pin, expires })
}

/// Whose a bill is; an SP does not always say.
pub(crate) fn customer(draw: &mut Draw) -> Option<BillCustomer> {
    (!draw.one_in(6)).then(|| BillCustomer::new(u128::from(draw.below(3))))
}
